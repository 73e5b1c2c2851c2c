from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from relaypanel import http
from relaypanel.contract import OrderWord, RefillWord
from relaypanel.errors import ProviderError
from relaypanel.providers.answers import (
    Accepted,
    Balance,
    Exchange,
    Fault,
    NotSent,
    RefillStatus,
    RefillTaken,
    Rejected,
    Unclear,
    UpstreamStatus,
)
from relaypanel.providers.client import (
    FIELD_CHARACTERS_MAX,
    REPLY_BYTES_MAX,
    REPLY_CHARACTERS_MAX,
    SERVICES_BYTES_MAX,
    Client,
)
from relaypanel.providers.faults import Declined
from relaypanel.providers.registry import Endpoint
from tests.providers.panel import Panel, at_once, said
from tests.providers.test_pricelist import LISTING, ROW

KEY = "0123456789abcdef/0123456789abcdef"
PENDING = UpstreamStatus(word=OrderWord.PENDING, start_count=None, remains=None, cost_e8=None)


def client(panel: Panel, **changes: Any) -> Client:
    settings: dict[str, Any] = {
        "provider_id": 3,
        "url": "https://upstream.example/api/v2",
        "key": KEY,
        "deadline_seconds": 20.0,
        "status_batch": 100,
        "speaks_client_ref": False,
        "currency": "USD",
    }
    return Client(Endpoint(**settings | changes), panel.post)


class TestAdd:
    def test_sends_the_fields_as_they_are(self) -> None:
        panel = Panel({"order": 23501})
        fields = {"link": "https://x.example/?a=1&b=2", "comments": "Đẹp 👍\r\n two "}

        answer = asyncio.run(client(panel).add(service="7", fields=fields, ready=at_once))

        assert answer == Accepted(upstream_id="23501")
        assert panel.forms == [
            {
                "key": KEY,
                "action": "add",
                "service": "7",
                "link": "https://x.example/?a=1&b=2",
                "comments": "Đẹp 👍\r\n two ",
            }
        ]
        assert panel.calls == [
            {
                "url": "https://upstream.example/api/v2",
                "deadline": 20.0,
                "bytes_max": REPLY_BYTES_MAX,
                "ready": at_once,
            }
        ]

    @pytest.mark.parametrize(
        ("speaks", "client_ref", "sent"),
        [(True, "a1-812", "a1-812"), (True, None, None), (False, "a1-812", None)],
    )
    def test_names_the_order_to_a_panel_that_understands(
        self, speaks: bool, client_ref: str | None, sent: str | None
    ) -> None:
        panel = Panel({"order": 1})
        speaker = client(panel, speaks_client_ref=speaks)

        asyncio.run(speaker.add(service="7", fields={}, client_ref=client_ref, ready=at_once))

        assert panel.forms[0].get("client_ref") == sent

    @pytest.mark.parametrize(
        ("script", "answer"),
        [
            (http.NotSent("no connection"), NotSent(reason="no connection")),
            (http.Unclear("its time was over"), Unclear(reason="its time was over")),
            ({"error": "Bad link"}, Rejected(fault=Fault.NEVER, words="Bad link")),
            (said("<html>", status=502), Unclear(reason="HTTP 502")),
        ],
    )
    def test_answers_to_whatever_happens(self, script: Any, answer: Any) -> None:
        panel = Panel(script)

        assert asyncio.run(client(panel).add(service="7", fields={}, ready=at_once)) == answer

    @pytest.mark.parametrize("spelled", [KEY, KEY.replace("/", "\\/")])
    def test_keeps_our_key_out_of_the_words(self, spelled: str) -> None:
        panel = Panel(said(f'{{"error": "The key {spelled} of x may not"}}'))

        answer = asyncio.run(client(panel).add(service="7", fields={}, ready=at_once))

        assert answer == Rejected(fault=Fault.OTHER, words="The key [key] of x may not")

    @pytest.mark.parametrize("spelled", [KEY, KEY.replace("/", "\\/")])
    def test_tells_what_went_and_came_without_any_key(self, spelled: str) -> None:
        panel = Panel(said(f"<p>{spelled} {'a' * 32} token=abc \0" + "x" * 9_000, status=502))

        answer = asyncio.run(
            client(panel).add(service="7", fields={"comments": "y" * 999}, ready=at_once)
        )

        assert isinstance(answer, Unclear)
        told = answer.exchange
        assert told is not None
        assert told.sent == {"service": "7", "comments": "y" * FIELD_CHARACTERS_MAX}
        assert told.status == 502
        assert told.reply.startswith("<p>[key] *** token=*** xxx")
        assert len(told.reply) == REPLY_CHARACTERS_MAX

    def test_tells_of_a_call_that_nobody_answered(self) -> None:
        panel = Panel(http.Unclear("its time was over"))

        answer = asyncio.run(client(panel).add(service="7", fields={}, ready=at_once))

        assert isinstance(answer, Unclear)
        assert answer.exchange == Exchange(sent={"service": "7"}, status=None, reply="")

    @pytest.mark.parametrize("name", ["service", "key", "action"])
    def test_lets_no_field_stand_for_ours(self, name: str) -> None:
        adding = client(Panel({"order": 1})).add(service="7", fields={name: "x"}, ready=at_once)

        with pytest.raises(AssertionError):
            asyncio.run(adding)


class TestStatuses:
    def test_asks_for_many_at_once(self) -> None:
        panel = Panel({"5": {"status": "Pending"}, "6": {"error": "Incorrect order ID"}})

        told = asyncio.run(client(panel).statuses(["5", "6", "5"]))

        assert panel.forms == [{"key": KEY, "action": "status", "orders": "5,6"}]
        assert told == {
            "5": PENDING,
            "6": Rejected(fault=Fault.UNKNOWN_ORDER, words="Incorrect order ID"),
        }

    def test_records_no_intent(self) -> None:
        panel = Panel({})

        asyncio.run(client(panel).statuses(["5"]))

        # Reading repeats nothing, so it may use a kept connection.
        assert panel.calls[0]["ready"] is None

    def test_asks_one_by_one_where_a_panel_knows_no_other_way(self) -> None:
        panel = Panel({"status": "Pending"}, {"error": "Incorrect order ID"})

        told = asyncio.run(client(panel, status_batch=1).statuses(["5", "6"]))

        assert [form["order"] for form in panel.forms] == ["5", "6"]
        assert told.keys() == {"5", "6"}

    def test_asks_for_no_more_at_once_than_a_panel_takes(self) -> None:
        panel = Panel({"1": {"status": "Pending"}}, {"3": {"status": "Pending"}})

        told = asyncio.run(client(panel, status_batch=2).statuses(["1", "2", "3"]))

        assert [form["orders"] for form in panel.forms] == ["1,2", "3"]
        assert told == {"1": PENDING, "3": PENDING}

    def test_asks_nothing_about_nothing(self) -> None:
        panel = Panel()

        assert asyncio.run(client(panel).statuses([])) == {}

    @pytest.mark.parametrize(
        "failure",
        [http.NotSent("no connection"), http.Unclear("its time was over"), said("", status=500)],
    )
    def test_raises_when_the_call_failed(self, failure: Any) -> None:
        with pytest.raises(ProviderError):
            asyncio.run(client(Panel(failure)).statuses(["5"]))

    def test_raises_when_the_call_was_refused(self) -> None:
        panel = Panel({"error": f"Invalid API key {KEY}"})

        with pytest.raises(Declined) as declined:
            asyncio.run(client(panel).statuses(["5", "6"]))

        assert declined.value.fault is Fault.BAD_KEY
        assert str(declined.value) == "Invalid API key [key]"


class TestCancel:
    def test_asks_with_the_list_form_alone(self) -> None:
        panel = Panel([{"order": 5, "cancel": 1}, {"order": 6, "cancel": {"error": "Bad link"}}])

        told = asyncio.run(client(panel, status_batch=1).cancel(["5", "6"]))

        assert panel.forms == [{"key": KEY, "action": "cancel", "orders": "5,6"}]
        assert told == {"5": None, "6": Rejected(fault=Fault.NEVER, words="Bad link")}

    def test_asks_for_a_hundred_at_most(self) -> None:
        panel = Panel([], [])
        ids = [str(number) for number in range(1, 150)]

        asyncio.run(client(panel).cancel(ids))

        assert [form["orders"].count(",") + 1 for form in panel.forms] == [100, 49]


class TestRefill:
    @pytest.mark.parametrize(
        ("status_batch", "name", "reply"),
        [(100, "orders", [{"order": 5, "refill": 9}]), (1, "order", {"refill": "9"})],
    )
    def test_asks_in_the_way_of_the_panel(self, status_batch: int, name: str, reply: Any) -> None:
        panel = Panel(reply)

        told = asyncio.run(client(panel, status_batch=status_batch).refill(["5"]))

        assert panel.forms == [{"key": KEY, "action": "refill", name: "5"}]
        assert told == {"5": RefillTaken(upstream_id="9")}

    def test_keeps_what_was_taken_when_the_next_call_fails(self) -> None:
        panel = Panel({"refill": "9"}, http.Unclear("its time was over"))

        with capture_logs() as logs:
            told = asyncio.run(client(panel, status_batch=1).refill(["5", "6", "7"]))

        assert told == {"5": RefillTaken(upstream_id="9")}
        assert [(entry["event"], entry["ids"]) for entry in logs] == [("ids_left_unasked", 2)]


class TestRefillStatuses:
    @pytest.mark.parametrize(
        ("status_batch", "name", "reply"),
        [
            (100, "refills", [{"refill": 9, "status": "Completed"}]),
            (1, "refill", {"status": "Completed"}),
        ],
    )
    def test_asks_in_the_way_of_the_panel(self, status_batch: int, name: str, reply: Any) -> None:
        panel = Panel(reply)

        told = asyncio.run(client(panel, status_batch=status_batch).refill_statuses(["9"]))

        assert panel.forms == [{"key": KEY, "action": "refill_status", name: "9"}]
        assert told == {"9": RefillStatus(word=RefillWord.COMPLETED)}


class TestServices:
    def test_returns_the_price_list(self) -> None:
        panel = Panel([ROW])

        with capture_logs() as logs:
            listings = asyncio.run(client(panel).services())

        assert listings == [LISTING]
        assert panel.forms == [{"key": KEY, "action": "services"}]
        assert panel.calls[0]["bytes_max"] == SERVICES_BYTES_MAX
        assert logs == []

    def test_says_how_many_rows_it_leaves_out(self) -> None:
        panel = Panel([ROW, ROW | {"service": 3, "rate": "-1"}, None])

        with capture_logs() as logs:
            listings = asyncio.run(client(panel).services())

        assert listings == [LISTING]
        assert logs == [
            {"event": "services_left_out", "log_level": "warning", "provider": 3, "rows": 2}
        ]


class TestBalance:
    def test_is_in_the_currency_of_the_provider_unless_it_says_otherwise(self) -> None:
        panel = Panel({"balance": "1.5"}, {"balance": "1.5", "currency": "VND"})
        speaker = client(panel)

        assert asyncio.run(speaker.balance()) == Balance(amount_e8=150_000_000, currency="USD")
        assert asyncio.run(speaker.balance()) == Balance(amount_e8=150_000_000, currency="VND")
        assert panel.forms[0] == {"key": KEY, "action": "balance"}


class TestEndpoint:
    def test_hides_its_key(self) -> None:
        assert KEY not in repr(client(Panel()).endpoint)
