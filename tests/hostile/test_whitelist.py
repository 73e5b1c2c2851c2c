"""R12: no header opens a key that is tied to addresses, and none shuts it to its owner."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from relaypanel.accounts import address, networks
from tests import cast
from tests.api_v2 import client
from tests.hostile.size import of, tell

HEADER_SETS = of(short=60, full=200)

ALLOWED, STRANGER = "203.0.113.7", "198.51.100.66"
INNER, OUTER = "10.0.0.1", "10.0.0.2"
BAD = b'{"error":"Invalid API key"}'

# What callers write who would like to be somebody else.
NAMES = (
    *("HTTP_X_REAL_IP", "HTTP_CLIENT_IP", "HTTP_X_CLIENT_IP", "HTTP_TRUE_CLIENT_IP"),
    *("HTTP_CF_CONNECTING_IP", "HTTP_X_CLUSTER_CLIENT_IP", "HTTP_FORWARDED_FOR", "HTTP_VIA"),
    *("HTTP_X_ORIGINATING_IP", "HTTP_X_REMOTE_ADDR", "HTTP_X_FORWARDED", "HTTP_FORWARDED"),
)
FORMS = (
    *(ALLOWED, f"{ALLOWED}:80", f"::ffff:{ALLOWED}", f"for={ALLOWED}", f'"{ALLOWED}"'),
    *(f" {ALLOWED}", f"{ALLOWED},{ALLOWED}", "127.0.0.1", "10.0.0.1", "unknown", "", ","),
    *("::1", "0313.0.0161.7", "203.0.113.007", f"{ALLOWED}\t", "203.0.113.7%eth0", "²03.0.113.7"),
    *(f"{ALLOWED}, 10.0.0.1", "10.0.0.1, 10.0.0.2", f"[::ffff:{ALLOWED}]:443", "*", "\x00"),
)

# Through which hops a call comes: each proxy adds the address that it was called from.
TOPOLOGIES: Mapping[str, tuple[str, ...]] = {
    "direct": (),
    "one proxy": (INNER,),
    "two proxies": (OUTER, INNER),
    "unix socket": ("",),
}


def environment(caller: str, forged: Mapping[str, str], hops: tuple[str, ...]) -> dict[str, str]:
    """Return what the door sees of a caller who sends the forged headers over these hops."""
    seen, chain = caller, forged.get("HTTP_X_FORWARDED_FOR")
    for hop in hops:
        chain = seen if chain is None else f"{chain}, {seen}"
        seen = hop
    given = {} if chain is None else {"HTTP_X_FORWARDED_FOR": chain}
    return dict(forged) | given | {"REMOTE_ADDR": seen}


def header_sets() -> list[dict[str, str]]:
    dice = random.Random(12)
    sets: list[dict[str, str]] = [{}]
    while len(sets) < HEADER_SETS:
        names = dice.sample(NAMES, dice.randint(0, 3))
        forged = {name: dice.choice(FORMS) for name in names}
        if dice.random() < 0.8:
            entries = [dice.choice(FORMS) for _ in range(dice.randint(1, 3))]
            forged["HTTP_X_FORWARDED_FOR"] = ",".join(entries)
        sets.append(forged)
    return sets


def tally() -> dict[str, int]:
    """Call as a stranger and as the owner, with every set of headers, over every topology."""
    alice = cast.alice()
    networks.save(alice.user, ALLOWED)
    body = f"key={alice.api_key}&action=balance".encode()
    counts = {"bypass": 0, "blocked": 0, "calls": 0}
    for name, hops in TOPOLOGIES.items():
        for forged in header_sets():
            for caller in (STRANGER, ALLOWED):
                refused = client.send(body, **environment(caller, forged, hops)) == BAD
                counts["calls"] += 1
                counts["bypass"] += caller == STRANGER and not refused
                # On a socket without an address nobody can be told apart: a list lets none in.
                known = name != "unix socket"
                counts["blocked"] += caller == ALLOWED and refused and known
                counts["bypass"] += caller == ALLOWED and not refused and not known
    return counts


@pytest.fixture(autouse=True)
def proxies(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [ip_network(INNER), ip_network(OUTER)]


@pytest.mark.django_db
class TestWhitelist:
    def test_is_not_passed_by_headers(self) -> None:
        counts = tally()

        line = "R12 whitelist: {calls} calls, bypass {bypass}, false blocks {blocked}"
        tell(line.format(**counts))
        assert counts["bypass"] == counts["blocked"] == 0

    def test_is_passed_where_the_first_entry_is_believed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def first(remote: str, forwarded_for: str, _trusted: object) -> str | None:
            found = address.parse(forwarded_for.partition(",")[0].strip() or remote)
            return None if found is None else str(found)

        naive: Callable[..., str | None] = first
        monkeypatch.setattr(address, "client_address", naive)

        counts = tally()

        tell("R12 twin, believes the first entry: bypass {bypass}".format(**counts))
        assert counts["bypass"] > 0
