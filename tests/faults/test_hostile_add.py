"""R5: providers that answer `add` in forty ways, and one that breaks down and comes back."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import time
from collections import Counter

import pytest

from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.providers.models import Provider
from tests import shop
from tests.faults import ground, hostile, size
from tests.faults.ground import Ground
from tests.faults.hostile import Answer, Hostile, raw, reply

pytestmark = [pytest.mark.sockets, pytest.mark.postgresql]

ORDERS_OF_EACH = size.of(short=2, full=10)
# Some 500 calls at once, to a panel that is a thread of the test's own.
DEADLINE_MS = size.of(short=1000, full=4000)
STORM_ORDERS = size.of(short=100, full=500)
STORM_SECONDS = size.of(short=2, full=20)
# In the suite it does not last until the breaker's rests have grown.
STORM_HABITS = size.of(short=("resting=1",), full=())
IN_FLIGHT = 4
RECOVERY_SECONDS = 30

_ids = itertools.count(1001)


def accepting(words: str, *, status: int = 200, kind: str = "application/json") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        body = words.replace("ID", str(next(_ids)))
        await reply(body, status=status, kind=kind)(writer)

    return answer


async def resetting(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


TAKEN = (Status.PENDING, "accepted")
PAGE = "<html><body>Just a moment...</body></html>"
# The answers, by the state they leave an order in and the reason that its timeline gives.
ENDS: dict[tuple[str, str], dict[str, Answer]] = {
    TAKEN: {
        "number": accepting('{"order": ID}'),
        "text": accepting('{"order": "ID"}'),
        "decimal": accepting('{"order": ID.0}'),
        "with_mark": accepting('\ufeff{"order": ID}'),
        "as_html": accepting(' {"order": ID, "error": ""} ', kind="text/html"),
        "created": accepting('{"order": ID, "charge": "0.1"}', status=201),
    },
    (Status.UNCONFIRMED, "unclear"): {
        "500": reply("{}", status=500),
        "500_json": reply('{"error": "Incorrect link"}', status=500),
        "502": reply(PAGE, status=502, kind="text/html"),
        "503": reply("", status=503),
        "302": raw(b"HTTP/1.1 302 F\r\nLocation: /text\r\nContent-Length: 0\r\n\r\n"),
        "307": raw(b"HTTP/1.1 307 T\r\nLocation: /text\r\nContent-Length: 0\r\n\r\n"),
        "204": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
        "html": reply(PAGE, kind="text/html"),
        "empty": reply(""),
        "garbage": reply(b"\xff\x00{"),
        "truncated": reply('{"order": 12'),
        "cut_off": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"),
        "array": reply("[]"),
        "array_of_one": reply('[{"order": 12}]'),
        "zero": reply('{"order": 0}'),
        "null": reply('{"order": null}'),
        "negative": reply('{"order": -5}'),
        "word": reply('{"order": "abc"}'),
        "true": reply('{"order": true}'),
        "fraction": reply('{"order": 1.5}'),
        "too_long": reply('{"order": 99999999999999999999}'),
        "both": reply('{"order": 12, "error": "Incorrect link"}'),
        "order_under_400": reply('{"order": 12}', status=400),
        "two_documents": reply('{"order": 12}{"order": 13}'),
        "key_twice": reply('{"order": 12, "order": 13}'),
        "nan": reply('{"order": NaN}'),
        "deep": reply("[" * 5000),
        "error_as_number": reply('{"error": 5}'),
        "compressed": raw(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
        ),
        "too_large": reply(b" " * 2_000_000),
        "hang": hostile.hang,
        "reset": resetting,
        # Taken once; of all others it says the ID of an order that is already ours.
        "same_id": reply('{"order": 7}'),
    },
    (Status.CANCELED, "refused_upstream"): {
        "bad_link": reply('{"error": "Incorrect link"}'),
        "bad_quantity": reply('{"error": "Quantity less than minimal 50"}', status=400),
    },
    (Status.HELD, "refused_upstream"): {"unknown_words": reply('{"error": "Computer says no"}')},
    (Status.HELD, "no_route_left"): {"service": reply('{"error": "Incorrect service ID"}')},
    (Status.QUEUED, "link_busy"): {
        "link": reply('{"error": "You have active order with this link"}')
    },
    (Status.QUEUED, "rate_limit"): {"too_many": reply('{"error": "x"}', status=429)},
    (Status.QUEUED, "no_funds"): {"funds": reply('{"error": "Not enough funds on balance"}')},
    (Status.QUEUED, "placed"): {"tls": hostile.hang, "nobody": hostile.hang},
    (Status.QUEUED, "bad_key"): {"key": reply('{"error": "Invalid API key"}', status=401)},
}
ANSWERS = {name: answer for answers in ENDS.values() for name, answer in answers.items()}
END = {name: end for end, answers in ENDS.items() for name in answers}
# After these the provider rests, and what is not out yet stays where it is.
PAUSING = ("funds", "key")
# Certain that nothing was sent: asked over TLS, which it does not speak, or where nobody listens.
UNREACHABLE = {"tls": "https://127.0.0.1:{port}", "nobody": "http://127.0.0.1:1"}


class TestHostileAnswers:
    def test_are_told_apart_and_nothing_is_sent_again(self, database_url: str) -> None:
        with Hostile(ANSWERS) as panel:
            stood = _send_each(database_url, panel, "undaunted")

        wrong = {link: found for link, found in stood.items() if not _is_right(link, found)}
        uncounted = {
            link for link, (_, reason) in stood.items() if panel.calls[link] != (reason != "placed")
        }
        again = sum(count - 1 for count in panel.calls.values())
        print(  # noqa: T201
            f"\nR5 hostile add: {len(ANSWERS)} answers, {len(stood)} orders, {len(wrong)} in the"
            f" wrong class, {again} sent again after the first byte"
        )
        assert wrong == {}
        assert uncounted == set()
        assert sum(found == TAKEN for link, found in stood.items() if _name(link) == "same_id") == 1
        assert again == 0

    def test_double_orders_when_an_unclear_one_is_sent_again(self, database_url: str) -> None:
        cases = {name: ANSWERS[name] for name in ("hang", "reset", "500", "text")}
        with Hostile(cases) as panel:
            _send_each(database_url, panel, "undaunted", "retry")

        again = sum(count - 1 for count in panel.calls.values())
        print(f"\nR5 twin, retry on time-out: {again} sent again after the first byte")  # noqa: T201
        assert again >= ORDERS_OF_EACH


class TestStorm:
    @pytest.mark.parametrize("spoiled", [{}, {"action": "add"}], ids=["all", "orders_alone"])
    def test_leaves_few_unclear_and_the_rest_goes_when_it_is_over(
        self, database_url: str, spoiled: dict[str, str]
    ) -> None:
        with Ground(database_url) as place:
            provider = place.provider("upstream", concurrency=IN_FLIGHT, deadline_ms=5000)
            place.order(provider, STORM_ORDERS)
            place.control(fault="html", **spoiled)
            worker = place.forks.worker("quick", "only=send", *STORM_HABITS)
            shop.until(lambda: bool(_paused()), what="the breaker opens")
            time.sleep(STORM_SECONDS)
            place.control(clear=True)
            recovered = time.monotonic()
            shop.until(
                lambda: not ground.waiting(),
                what="the rest is sent",
                seconds=RECOVERY_SECONDS,
            )
            sent = time.monotonic()
            assert worker.stop() == 0
            statuses = Counter(Order.objects.values_list("status", flat=True))

        print(  # noqa: T201
            f"\nR5 storm: {STORM_ORDERS} orders, {STORM_SECONDS} s of HTML"
            f" for {spoiled.get('action', 'every call')},"
            f" {statuses[Status.UNCONFIRMED]} unclear, all others sent {sent - recovered:.1f} s"
            f" after recovery"
        )
        assert statuses[Status.UNCONFIRMED] <= 3 + IN_FLIGHT
        assert statuses[Status.UNCONFIRMED] + statuses[Status.PENDING] == STORM_ORDERS
        assert sent - recovered <= RECOVERY_SECONDS

    def test_makes_many_unclear_where_there_is_no_breaker(self, database_url: str) -> None:
        with Ground(database_url) as place:
            provider = place.provider("upstream", concurrency=IN_FLIGHT, deadline_ms=5000)
            place.order(provider, STORM_ORDERS)
            place.control(fault="html", action="add")
            worker = place.forks.worker("quick", "only=send", "undaunted")
            shop.until(lambda: not ground.waiting(), what="all are sent")
            assert worker.stop() == 0
            unclear = Order.objects.filter(status=Status.UNCONFIRMED).count()

        print(f"\nR5 twin, no breaker: {unclear} of {STORM_ORDERS} unclear")  # noqa: T201
        assert unclear > 3 + IN_FLIGHT


def _send_each(database_url: str, panel: Hostile, *habits: str) -> dict[str, tuple[str, str]]:
    """Return where the orders stand, by link, when each provider has answered in its way."""
    with Ground(database_url, LEASE_MS="2000") as place:
        for name in panel.seconds:
            provider = place.provider(
                name,
                url=f"{UNREACHABLE.get(name, panel.url).format(port=panel.port)}/{name}",
                concurrency=ORDERS_OF_EACH,
                deadline_ms=DEADLINE_MS,
            )
            place.order(provider, ORDERS_OF_EACH, about=name)
        worker = place.forks.worker("only=send", *habits)
        shop.until(lambda: _all_asked(panel), what="all are asked")
        time.sleep(1.5 * DEADLINE_MS / 1000)
        assert worker.stop() == 0
        reasons = dict(OrderEvent.objects.order_by("pk").values_list("order", "reason"))
        return {
            link: (status, reasons.get(pk, "placed"))
            for pk, link, status in Order.objects.values_list("pk", "link", "status")
        }


def _all_asked(panel: Hostile) -> bool:
    links = set(Order.objects.values_list("link", flat=True))
    silent = (*PAUSING, *UNREACHABLE)
    return {link for link in links if _name(link) not in silent} <= panel.calls.keys()


def _is_right(link: str, found: tuple[str, str]) -> bool:
    name = _name(link)
    allowed = {END[name]}
    if name in PAUSING:
        allowed.add((Status.QUEUED, "placed"))
    if name == "same_id":
        allowed.add(TAKEN)
    return found in allowed


def _name(link: str) -> str:
    return link.split("/")[-2]


def _paused() -> list[Provider]:
    return list(Provider.objects.exclude(paused_for=""))
