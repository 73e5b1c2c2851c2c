"""Our provider client, calling our own API in this process: every action, every type.

What we emit must be what we can read; a panel of ours is a provider of another one.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest

from relaypanel import clock, money, wsgi
from relaypanel.catalogue.models import Service
from relaypanel.contract import OrderType, OrderWord, RefillWord, SubscriptionWord
from relaypanel.errors import ProviderError
from relaypanel.http import Ready, Reply
from relaypanel.ledger.members import Enrolled
from relaypanel.orders import refund, staff
from relaypanel.orders.models import Order, Refill, RefillState, Status
from relaypanel.providers.answers import (
    Accepted,
    AddAnswer,
    Balance,
    Fault,
    RefillStatus,
    RefillTaken,
    Rejected,
    UpstreamStatus,
)
from relaypanel.providers.client import Client
from relaypanel.providers.registry import Endpoint
from tests import cast
from tests.orders.test_types import GOOD
from tests.providers.panel import at_once

pytestmark = pytest.mark.django_db

T = TypeVar("T")


async def post(
    url: str,
    form: Mapping[str, str],
    *,
    deadline_seconds: float,
    bytes_max: int,
    ready: Ready | None = None,
) -> Reply:
    """Call our own door as a server would."""
    if ready is not None:
        await ready()
    body = urlencode(form).encode()
    started: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v2",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": BytesIO(body),
    }

    def start_response(status: str, _headers: Any, _error: Any = None) -> Any:
        started.append(status)

    reply = b"".join(wsgi.application(environ, start_response))
    return Reply(status=int(started[0][:3]), content_type="application/json", body=reply)


def client(member: Enrolled, *, status_batch: int = 100) -> Client:
    endpoint = Endpoint(
        provider_id=1,
        url="https://our-own.example/api/v2",
        key=member.api_key,
        deadline_seconds=5,
        status_batch=status_batch,
        speaks_client_ref=True,
    )
    return Client(endpoint, post)


def run(call: Coroutine[Any, Any, T]) -> T:
    """Run a call that never waits: an event loop would be another place for the database."""
    with pytest.raises(StopIteration) as done:
        call.send(None)
    result: T = done.value.value
    return result


def add(client: Client, service: Service, **fields: str) -> AddAnswer:
    raw = GOOD[OrderType(service.type)] | fields
    return run(client.add(service=str(service.pk), fields=raw, ready=at_once))


def placed(client: Client, service: Service, **fields: str) -> str:
    answer = add(client, service, **fields)
    assert isinstance(answer, Accepted), answer
    return answer.upstream_id


def end(order_id: str, *, to: Status, remains: int | None = None) -> None:
    order = staff.set_status(order_id=int(order_id), to=Status.IN_PROGRESS, now=clock.now())
    refund.end(order, to=to, now=clock.now(), reason="test", remains=remains)


class TestServices:
    def test_are_read_as_they_are_sold(self) -> None:
        alice = cast.alice()
        sold = [
            cast.service(type=type_, rate="1.23456", min=1, max=500, dripfeed=True, cancel=True)
            for type_ in OrderType
        ]

        listings = run(client(alice).services())

        assert [listing.upstream_id for listing in listings] == [str(row.pk) for row in sold]
        assert [listing.type for listing in listings] == list(OrderType)
        assert {listing.rate_e8 for listing in listings} == {money.parse("1.23456")}
        first = listings[0]
        assert (first.name, first.platform) == (sold[0].name, "Dịch vụ Facebook")
        assert (first.min, first.max) == (1, 500)
        assert (first.refill, first.cancel, first.dripfeed) == (False, True, True)


class TestAdd:
    @pytest.mark.parametrize("type_", OrderType)
    def test_places_an_order_of_each_type_as_it_was_sent(self, type_: OrderType) -> None:
        alice = cast.alice(balance="1000")
        service = cast.service(type=type_, min=1, max=1000)

        upstream_id = placed(client(alice), service)

        order = Order.objects.get(pk=upstream_id)
        assert order.type == type_
        sent = {name: text for name, text in GOOD[type_].items() if name != "quantity"}
        kept = order.fields | ({"link": order.link} if order.link else {})
        assert kept == {name: text.replace("\r\n\r\n", "\n") for name, text in sent.items()}

    def test_places_one_order_for_one_client_ref(self) -> None:
        alice = cast.alice(balance="1000")
        service, ours = cast.service(), client(alice)

        def again() -> AddAnswer:
            return run(
                ours.add(
                    service=str(service.pk),
                    fields=GOOD[OrderType.DEFAULT],
                    client_ref="panel-7",
                    ready=at_once,
                )
            )

        first, second = again(), again()

        assert first == second
        assert Order.objects.count() == 1

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"quantity": "1"}, Fault.NEVER),
            ({"quantity": "1000000"}, Fault.NEVER),
            ({"quantity": "x"}, Fault.NEVER),
            ({"link": "javascript:alert(1)"}, Fault.NEVER),
        ],
    )
    def test_is_told_why_not(self, changes: dict[str, str], fault: Fault) -> None:
        alice = cast.alice(balance="1000")

        answer = add(client(alice), cast.service(), **changes)

        assert isinstance(answer, Rejected)
        assert answer.fault is fault

    def test_is_told_of_the_balance_the_link_the_service_and_the_key(self) -> None:
        alice, bob = cast.alice(balance="0.1"), cast.bob()
        service = cast.service(rate="1", one_order_per_link=True)
        placed(client(alice), service)
        stranger = Enrolled(user=bob.user, api_key="0" * 32)

        faults = [
            add(client(bob), service, link="https://example.com/other"),
            add(client(alice), service),
            add(client(alice), Service(pk=10**9, type=OrderType.DEFAULT)),
            add(client(stranger), service),
        ]

        assert [getattr(answer, "fault", None) for answer in faults] == [
            Fault.NO_FUNDS,
            Fault.NO_FUNDS,
            Fault.SERVICE_DEAD,
            Fault.BAD_KEY,
        ]
        cast.fund(alice.user, "10")
        busy = add(client(alice), service)
        assert isinstance(busy, Rejected)
        assert busy.fault is Fault.LINK_BUSY


class TestStatus:
    @pytest.mark.parametrize("status_batch", [1, 100])
    def test_tells_progress_and_ends(self, status_batch: int) -> None:
        alice, service = cast.alice(balance="1000"), cast.service(rate="1")
        ours = client(alice, status_batch=status_batch)
        waiting, partial, canceled = (placed(ours, service) for _ in range(3))
        end(partial, to=Status.PARTIAL, remains=40)
        end(canceled, to=Status.CANCELED)

        told = run(ours.statuses([waiting, partial, canceled, "999999"]))

        def status(word: OrderWord, remains: int, cost: str) -> UpstreamStatus:
            return UpstreamStatus(
                word=word, start_count=0, remains=remains, cost_e8=money.parse(cost)
            )

        assert told.pop("999999") == Rejected(fault=Fault.UNKNOWN_ORDER, words="Incorrect order ID")
        assert told == {
            waiting: status(OrderWord.PENDING, 100, "0.1"),
            partial: status(OrderWord.PARTIAL, 40, "0.06"),
            canceled: status(OrderWord.CANCELED, 100, "0"),
        }

    def test_tells_the_word_of_a_subscription(self) -> None:
        alice = cast.alice(balance="1000")
        ours = client(alice)
        order = placed(ours, cast.service(type=OrderType.SUBSCRIPTIONS, min=1, max=100))

        told = run(ours.statuses([order]))[order]

        assert isinstance(told, UpstreamStatus)
        assert (told.subscription, told.children) == (SubscriptionWord.ACTIVE, ())

    def test_tells_the_runs_of_a_drip_feed(self) -> None:
        alice = cast.alice(balance="1000")
        ours = client(alice)
        order = placed(ours, cast.service(dripfeed=True), runs="2", interval="5")

        told = run(ours.statuses([order]))[order]

        assert isinstance(told, UpstreamStatus)
        assert (told.word, told.remains) == (OrderWord.IN_PROGRESS, 200)


class TestCancel:
    def test_tells_each_order_apart(self) -> None:
        alice = cast.alice(balance="1000")
        ours = client(alice)
        asked = placed(ours, cast.service(cancel=True))
        fixed = placed(ours, cast.service(cancel=False))

        told = run(ours.cancel([asked, fixed, "999999"]))

        assert told[asked] is None
        refusals = {order: answer.fault for order, answer in told.items() if answer is not None}
        assert refusals == {fixed: Fault.NOT_POSSIBLE, "999999": Fault.UNKNOWN_ORDER}


class TestRefill:
    @pytest.mark.parametrize("status_batch", [1, 100])
    def test_is_taken_refused_and_followed(self, status_batch: int) -> None:
        alice = cast.alice(balance="1000")
        ours = client(alice, status_batch=status_batch)
        service = cast.service(refill_days=30, refill_after_hours=0)
        done, running = placed(ours, service), placed(ours, service)
        end(done, to=Status.COMPLETED, remains=0)

        told = run(ours.refill([done, running]))

        refill = Refill.objects.get()
        assert told[done] == RefillTaken(upstream_id=str(refill.pk))
        refused = told[running]
        assert isinstance(refused, Rejected)
        assert refused.fault is Fault.NOT_POSSIBLE
        asked = [str(refill.pk), "999999"]
        statuses = run(ours.refill_statuses(asked))
        assert statuses[str(refill.pk)] == RefillStatus(word=RefillWord.PENDING)
        unknown = statuses["999999"]
        assert isinstance(unknown, Rejected)
        assert unknown.fault is Fault.UNKNOWN_ORDER
        Refill.objects.update(state=RefillState.REJECTED, ended_at=clock.now())
        statuses = run(ours.refill_statuses(asked[:1]))
        assert statuses == {asked[0]: RefillStatus(word=RefillWord.REJECTED)}


class TestBalance:
    def test_is_exact(self) -> None:
        alice = cast.alice(balance="87654321098.76543")

        balance = run(client(alice).balance())

        assert balance == Balance(amount_e8=money.parse("87654321098.76543"), currency="USD")

    def test_is_refused_to_a_wrong_key(self) -> None:
        stranger = Enrolled(user=cast.alice().user, api_key="0" * 32)

        with pytest.raises(ProviderError, match="Invalid API key"):
            run(client(stranger).balance())
