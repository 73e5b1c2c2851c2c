"""R21: secrets stand in clear nowhere: not in the database, not in a log, not on a page."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import environ
import pytest
from django.db import connection

from relaypanel import clock
from relaypanel.accounts import keys
from relaypanel.accounts.models import ApiKey
from relaypanel.providers.models import Provider
from tests import cast, clients, databases, shop
from tests.api_v2 import client
from tests.dashboard.browser import signed_in, with_password
from tests.hostile import walk
from tests.hostile.size import of, tell
from tests.processes import Panel

# Each is planted by a process of its own, which takes longer to start than to plant.
PEOPLE, PROVIDERS = of(short=1, full=8), of(short=1, full=4)
ROTATIONS = of(short=10, full=50)


@pytest.mark.sockets
class TestSecrets:
    def test_stand_in_clear_nowhere(
        self, panel_database: Callable[..., str], engine: databases.Engine, tmp_path: Path
    ) -> None:
        url = panel_database()
        with Panel(database_url=url, LOG_LEVEL="DEBUG", STATE_DIR=str(tmp_path)) as panel:
            planted = list(_plant(panel))
            web, worker = panel.start("web"), panel.start("worker")
            _use(web.url, [it for it in planted if len(it) == 32])
            shop.until(lambda: "provider" in worker.output, what="the worker is at work")
            written = [dump(url, engine), web.output, worker.output]

            hits = {it for it in planted for text in written if it in text}
            tell(
                f"R21 secrets: {len(planted)} planted, {sum(map(len, written)):,} characters of"
                f" database and logs, in clear {len(hits)}"
            )
            assert len(planted) == 2 * PEOPLE + PROVIDERS + 2
            assert hits == set()

    @pytest.mark.django_db
    def test_are_found_in_a_plain_column(self) -> None:
        """The twin: a key kept as it is."""
        key = cast.alice().api_key
        assert key not in str(list(ApiKey.objects.values()))
        ApiKey.objects.update(key_encrypted=key)

        found = key in str(list(ApiKey.objects.values()))
        tell(f"R21 twin, plain column: in clear {int(found)}")
        assert found


def _plant(panel: Panel) -> Iterator[str]:
    for number in range(PEOPLE):
        yield shop.enrol(panel, f"user{number}", deposit="5")
        password = f"marked-{secrets.token_hex(8)}"
        panel.run("user", "create", f"reader{number}", "--password-stdin", stdin=f"{password}\n")
        yield password
    for number in range(PROVIDERS):
        key = f"marked-{secrets.token_hex(8)}"
        url = f"http://127.0.0.1:9/{number}/api/v2"
        panel.run("provider", "add", f"up{number}", url, "--key-stdin", stdin=f"{key}\n")
        yield key
    yield from (panel.environment["SECRET_KEY"], panel.environment["FIELD_KEYS"])


def _use(url: str, api_keys: Sequence[str]) -> None:
    """Walk the happy paths, and those of mistakes."""
    for key in api_keys:
        reseller = shop.Reseller(url, key)
        for action in ("balance", "services", "status", "nonsense"):
            reseller.ask(action)
        reseller.ask("add", service="1", link="https://example.com/a", quantity="1e9", key=key)


def dump(url: str, engine: databases.Engine) -> str:
    """Return everything that a copy of the database would tell a thief."""
    if engine == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as session:
            return "\n".join(session.iterdump())
    config = environ.Env.db_url_config(url)
    done = subprocess.run(
        ["pg_dump", "--inserts"],
        env=os.environ
        | {
            "PATH": clients.path(),
            "PGHOST": config["HOST"],
            "PGPORT": str(config["PORT"] or ""),
            "PGUSER": config["USER"],
            "PGPASSWORD": config["PASSWORD"],
            "PGDATABASE": config["NAME"],
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.django_db
class TestKeys:
    def test_are_shown_to_nobody_who_did_not_just_sign_in(self) -> None:
        alice = cast.alice()
        browser = signed_in(with_password(alice.user), lately=False)
        shown = [
            address.path
            for address in walk.addresses()
            for method in ("get", "post")
            if "logout" not in address.path
            and alice.api_key in walk.body(browser, method, address.filled(1)).text
        ]

        tell(f"R21 keys shown without the password: {len(shown)}")
        assert shown == []


@pytest.mark.django_db(transaction=True)
class TestRotation:
    @pytest.mark.parametrize("action", ["balance", "add"])
    def test_kills_the_old_key_at_once_under_load(self, action: str) -> None:
        late = _rotated_under_load(action)

        tell(
            f"R21 rotation: {ROTATIONS} under load, old keys that still opened {action} {len(late)}"
        )
        assert late == []
        assert not Provider.objects.exists()

    def test_does_not_where_a_claim_is_believed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The twin: who called a moment ago is who they were."""
        monkeypatch.setattr(keys.Standing, "holds", lambda *_: True)

        late = _rotated_under_load("add")

        tell(f"R21 twin, claims believed: old keys that still opened {len(set(late))}")
        assert late


def _rotated_under_load(action: str) -> list[str]:
    """Return each old key that opened something, as often as it did."""
    alice, service = cast.alice(balance="100"), cast.service(rate="0.0001")
    order = {"service": service.pk, "link": "https://example.com/p", "quantity": 100}
    dead: set[str] = set()
    late: list[str] = []
    done = threading.Event()

    def opens(key: str) -> bool:
        return "error" not in json.loads(client.call(key=key, action=action, **order))

    def call() -> None:
        try:
            while not done.is_set():
                late.extend(key for key in list(dead) if opens(key))
        finally:
            connection.close()

    callers = [threading.Thread(target=call) for _ in range(PROVIDERS)]
    for caller in callers:
        caller.start()
    try:
        old = alice.api_key
        for _ in range(ROTATIONS):
            assert opens(old)
            new = keys.issue(alice.user, now=clock.now())
            dead.add(old)
            old = new
        late.extend(key for key in dead if opens(key))
    finally:
        done.set()
        for caller in callers:
            caller.join()
    return late
