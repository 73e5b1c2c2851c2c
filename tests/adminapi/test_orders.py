"""The routes of orders, each by its literal reply."""

from __future__ import annotations

from typing import Any

import pytest

from relaypanel import clock
from relaypanel.accounts.models import AuditEntry, Scope
from relaypanel.catalogue.models import Service
from relaypanel.ledger import book
from relaypanel.orders import requests
from relaypanel.orders.models import CancelState, Order, Refill, RefillState, Status
from tests import cast
from tests.adminapi.client import NOT_FOUND, Bot, acts, everything, refusal
from tests.orders import scene
from tests.orders.scene import LINK

pytestmark = pytest.mark.django_db

NOBODY = 10**17


def by_hand(**settings: Any) -> Service:
    """Return a service that no provider fulfils, at 1 for its thousand."""
    wanted: dict[str, Any] = {"rate": "1", "cancel": True, "name": "Thiết kế 🎨"}
    return cast.service(**wanted | settings)


def order(service: Service | None = None) -> Order:
    return scene.placed(service or by_hand(), link=LINK, quantity="100")


def literal(order: Order, **changes: Any) -> dict[str, Any]:
    """Return an order done by hand as the wire tells it, word for word."""
    return {
        "id": order.pk,
        "external_id": None,
        "user": "alice",
        "creation_type": "api",
        "charge": {"value": "0.1", "currency_code": "USD"},
        "link": "https://example.com/post/1",
        "start_count": None,
        "quantity": 100,
        "service_id": order.service_id,
        "service_type": "default",
        "service_name": "Thiết kế 🎨",
        "fields": {},
        "status": "pending",
        "remains": 100,
        "created": f"{order.placed_at:%Y-%m-%d %H:%M:%S}",
        "created_timestamp": int(order.placed_at.timestamp()),
        "mode": "manual",
        "provider": None,
        "provider_charge": None,
        "actions": {
            "refill": False,
            "resend": False,
            "edit_link": True,
            "set_partial": True,
            "change_status": True,
            "request_cancel": True,
            "cancel_and_refund": True,
        },
    } | changes


def processing(order: Order, **changes: Any) -> dict[str, Any]:
    """Return the order after a supplier has pulled it."""
    told = literal(order, status="processing")
    return told | {"actions": told["actions"] | {"edit_link": False}} | changes


def ended(**changes: bool) -> dict[str, bool]:
    names = "refill resend edit_link set_partial change_status request_cancel cancel_and_refund"
    return dict.fromkeys(names.split(), False) | changes


class TestListed:
    def test_shows_orders_latest_first(self) -> None:
        service = by_hand()
        first, second = order(service), order(service)

        assert Bot().get("/orders") == {
            "data": {"count": 2, "list": [literal(second), literal(first)]},
            "pagination": {"next_page_href": ""},
            "error_message": "",
            "error_code": 0,
        }

    def test_leads_from_page_to_page(self) -> None:
        service, bot = by_hand(), Bot()
        first, second, third = (order(service).pk for _ in range(3))

        page = bot.get("/orders", limit=2, order_status="pending")
        href = page["pagination"]["next_page_href"]

        assert [row["id"] for row in page["data"]["list"]] == [third, second]
        assert href == f"/adminapi/v2/orders?limit=2&order_status=pending&cursor={second}"
        rest = bot.get(href.removeprefix("/adminapi/v2"))
        assert [row["id"] for row in rest["data"]["list"]] == [first]
        assert rest["pagination"]["next_page_href"] == ""
        oldest = bot.get("/orders", limit=1, offset=1, sort="date-asc")
        assert [row["id"] for row in oldest["data"]["list"]] == [second]

    def test_shows_what_a_provider_has_with_its_cost(self) -> None:
        sent = scene.order(
            Status.IN_PROGRESS, upstream_id="991", cost_e8=5_000_000, start_count=7, remains=40
        )

        (row,) = Bot().get("/orders")["data"]["list"]

        assert (row["external_id"], row["provider"], row["mode"]) == ("991", "upstream", "auto")
        assert row["provider_charge"] == {"value": "0.05", "currency_code": "USD"}
        assert (row["status"], row["start_count"], row["remains"]) == ("in_progress", 7, 40)
        assert row["id"] == sent.pk

    @pytest.mark.parametrize(
        ("query", "is_found"),
        [
            ({"user": "ALICE"}, True),
            ({"user": "bob"}, False),
            ({"order_status": "Pending,completed"}, True),
            ({"order_status": "in progress"}, False),
            ({"mode": "manual"}, True),
            ({"mode": "auto"}, False),
            ({"link": LINK}, True),
            ({"link": "https://example.com/"}, False),
            ({"provider": "upstream"}, False),
            ({"created_from": 0, "created_to": 32_503_680_000}, True),
            ({"created_to": 1}, False),
            ({"ids": f"1,{NOBODY}"}, True),
            ({"service_ids": NOBODY}, False),
        ],
    )
    def test_finds_by_what_is_known(self, query: dict[str, Any], is_found: bool) -> None:
        placed = order()
        query = {
            name: str(placed.pk) + f",{NOBODY}" if name == "ids" else value
            for name, value in query.items()
        }

        assert Bot().get("/orders", **query)["data"]["count"] == int(is_found)

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ({"ip_address": "203.0.113.7"}, "Unknown field: ip_address."),
            ({"limit": "many"}, "Bad or missing field: limit."),
            ({"order_status": "lost"}, "Bad or missing field: order_status."),
            ({"mode": "both"}, "Bad or missing field: mode."),
            ({"created_from": "9" * 18}, "Bad or missing field: created_from."),
            ({"ids": ",".join(map(str, range(101)))}, "Bad or missing field: ids."),
        ],
    )
    def test_refuses_what_it_cannot_look_for(self, query: dict[str, Any], words: str) -> None:
        assert Bot().get("/orders", **query) == refusal(103, words)

    @pytest.mark.parametrize("name", ["user", "provider", "link"])
    def test_finds_nothing_by_what_no_name_is_as_long_as(self, name: str) -> None:
        order()

        assert Bot().get("/orders", **{name: "a" * 70_000})["data"]["count"] == 0


class TestOne:
    def test_is_shown(self) -> None:
        placed = order()

        assert Bot().get(f"/orders/{placed.pk}") == {
            "data": literal(placed),
            "error_message": "",
            "error_code": 0,
        }

    def test_is_absent(self) -> None:
        assert Bot().get(f"/orders/{NOBODY}") == NOT_FOUND


class TestSupplier:
    """A key that is bound to services sees and works on their orders alone, and no money."""

    def test_pulls_each_order_once(self) -> None:
        service = by_hand()
        mine, other = order(service), order(by_hand())
        bot = Bot(Scope.ORDERS_READ, Scope.ORDERS_WORK, services=(service.pk,))

        first, second = bot.post("/orders/pull"), bot.post("/orders/pull", limit=5)

        hidden = {"user": None, "charge": None}
        assert first == {
            "data": {"count": 1, "list": [processing(mine, **hidden)]},
            "error_message": "",
            "error_code": 0,
        }
        assert second["data"] == {"count": 0, "list": []}
        assert Order.objects.get(pk=other.pk).status == Status.QUEUED
        assert acts() == ["admin_api.order.pull"]

    def test_pulls_the_services_that_it_names(self) -> None:
        one, two = by_hand(), by_hand()
        order(one)
        wanted = order(two)

        pulled = Bot().post("/orders/pull", service_ids=f"{two.pk}")

        assert [row["id"] for row in pulled["data"]["list"]] == [wanted.pk]

    def test_never_pulls_what_a_provider_gets(self) -> None:
        scene.order()
        scene.drip_feed()

        assert Bot().post("/orders/pull")["data"]["count"] == 0

    def test_reports_progress_and_the_end(self) -> None:
        placed, bot = order(), Bot()
        bot.post("/orders/pull")

        going = bot.post(
            "/orders/update", order_id=placed.pk, status="In progress", start_count=50, remains=60
        )
        done = bot.post("/orders/update", id=str(placed.pk), status="completed")

        assert going["data"] == processing(placed, status="in_progress", start_count=50, remains=60)
        assert (done["data"]["status"], done["data"]["remains"]) == ("completed", 0)
        assert acts() == [
            "admin_api.order.pull",
            "order.in_progress",
            "admin_api.order.report",
            "order.completed",
            "admin_api.order.report",
        ]
        assert scene.books_agree()

    def test_pays_back_what_it_did_not_deliver(self) -> None:
        placed, bot = order(), Bot()
        bot.post("/orders/pull")

        told = bot.post("/orders/update", order_id=placed.pk, status="partial", remains=40)

        assert told["data"] == literal(
            placed,
            status="partial",
            remains=40,
            charge={"value": "0.06", "currency_code": "USD"},
            actions=ended(),
        )
        assert scene.balance() == "999.94"
        assert scene.books_agree()

    @pytest.mark.parametrize(
        ("said", "code", "words"),
        [
            ({"remains": 101}, 103, "start_count or remains cannot be of this order."),
            ({"remains": -1}, 103, "Bad or missing field: remains."),
            ({"status": "lost"}, 103, "Bad or missing field: status."),
            ({"order_id": [1, 2]}, 103, "Bad or missing field: order_id."),
            ({"order_id": None}, 103, "Bad or missing field: order_id."),
        ],
    )
    def test_is_refused_what_cannot_be(self, said: dict[str, Any], code: int, words: str) -> None:
        placed, bot = order(), Bot()
        before = everything()

        assert bot.post("/orders/update", **{"order_id": placed.pk} | said) == refusal(code, words)
        assert everything() == before
        assert acts() == []

    def test_leaves_alone_what_a_provider_has_and_what_has_ended(self) -> None:
        sent, bot = scene.order(Status.IN_PROGRESS, upstream_id="991"), Bot()
        over = order()
        bot.post("/orders/cancel", order_id=over.pk)

        assert bot.post("/orders/update", order_id=sent.pk, remains=1) == refusal(
            104, "A provider has this order."
        )
        assert bot.post("/orders/update", order_id=over.pk, remains=1) == refusal(
            104, "The order cannot be changed so as it stands now."
        )

    @pytest.mark.parametrize(
        ("path", "said"),
        [
            ("/orders/update", {"remains": 1}),
            ("/orders/change-status", {"status": "completed"}),
            ("/orders/cancel", {}),
            ("/orders/resend", {}),
            ("/orders/request-cancel", {}),
            ("/cancel/reject", {}),
            ("/orders/{id}/set-partial", {"remains": 1}),
            ("/orders/{id}/edit-link", {"link": LINK}),
        ],
    )
    def test_finds_anothers_order_as_absent_as_none(self, path: str, said: dict[str, Any]) -> None:
        foreign = order()
        bot = Bot(services=(by_hand().pk,))
        before = everything()

        for order_id in (foreign.pk, NOBODY):
            reply = bot.post(path.format(id=order_id), order_id=order_id, **said)
            assert reply == NOT_FOUND
        assert bot.get(f"/orders/{foreign.pk}") == NOT_FOUND
        assert bot.get("/orders")["data"]["count"] == 0
        assert everything() == before


class TestChangeStatus:
    def test_moves_many_or_none(self) -> None:
        service, bot = by_hand(), Bot()
        first, second = order(service), order(service)

        moved = bot.post("/orders/change-status", ids=f"{first.pk},{second.pk}", status="completed")
        again = bot.post(
            "/orders/change-status", ids=[order(service).pk, NOBODY], status="completed"
        )

        assert [row["status"] for row in moved["data"]["list"]] == ["completed", "completed"]
        assert again == NOT_FOUND
        assert Order.objects.filter(status=Status.QUEUED).count() == 1
        assert acts() == ["order.completed"] * 2
        entry = AuditEntry.objects.latest("pk")
        assert entry.user is not None
        assert (entry.user.username, entry.before["status"], entry.after["status"]) == (
            "olga",
            "queued",
            "completed",
        )


class TestSetPartial:
    def test_gives_back_the_rest(self) -> None:
        placed = order()

        told = Bot().post(f"/orders/{placed.pk}/set-partial", start_count=5, remains=25)

        assert (told["data"]["status"], told["data"]["remains"]) == ("partial", 25)
        assert scene.balance() == "999.925"
        assert acts() == ["order.partial"]


class TestCancel:
    def test_gives_everything_back_once(self) -> None:
        placed, bot = order(), Bot()

        told = bot.post("/orders/cancel", order_id=placed.pk)
        again = bot.post("/orders/cancel", order_id=placed.pk)

        assert told["data"] == literal(
            placed,
            status="canceled",
            charge={"value": "0", "currency_code": "USD"},
            actions=ended(),
        )
        assert again == refusal(104, "The order cannot be changed so as it stands now.")
        assert scene.balance() == "1000"
        assert scene.books_agree()
        assert acts() == ["order.canceled"]


class TestEditLink:
    def test_changes_it_before_anything_is_sent(self) -> None:
        placed = order()

        told = Bot().post(f"/orders/{placed.pk}/edit-link", link="https://example.com/post/2")

        assert told["data"] == literal(placed, link="https://example.com/post/2")
        assert acts() == ["order.change_link"]

    def test_leaves_it_where_somebody_may_be_reading_it(self) -> None:
        bot = Bot()

        placed = scene.order(Status.SENDING)
        assert bot.post(f"/orders/{placed.pk}/edit-link", link=LINK) == refusal(
            104, "The order cannot be changed so as it stands now."
        )
        held = scene.order(Status.HELD)
        assert bot.post(f"/orders/{held.pk}/edit-link", link=LINK)["error_code"] == 0
        assert bot.post(f"/orders/{held.pk}/edit-link", link="http://10.0.0.1/") == refusal(
            103, "Bad link."
        )


class TestResend:
    def test_lets_a_held_order_go(self) -> None:
        held = scene.order(Status.HELD)

        told = Bot().post("/orders/resend", order_id=held.pk)

        assert told["data"]["status"] == "pending"
        assert Order.objects.get(pk=held.pk).status == Status.QUEUED
        assert acts() == ["order.resend"]

    def test_sends_nothing_twice(self) -> None:
        unclear = scene.order(Status.UNCONFIRMED)

        assert Bot().post("/orders/resend", order_id=unclear.pk) == refusal(
            104, "The order cannot be changed so as it stands now."
        )


class TestRequestCancel:
    def test_asks_as_the_customer_would(self) -> None:
        placed, bot = order(), Bot()
        bot.post("/orders/pull")

        told = bot.post("/orders/request-cancel", order_id=placed.pk)

        assert told["data"]["status"] == "processing"
        assert placed.cancel_request.state == CancelState.ASKED
        assert acts() == ["admin_api.order.pull", "admin_api.order.request_cancel"]

    def test_is_refused_where_the_customer_would_be(self) -> None:
        placed = order(by_hand(cancel=False))

        assert Bot().post("/orders/request-cancel", order_id=placed.pk) == refusal(
            104, "This service takes no cancel requests."
        )


class TestCancelTasks:
    def test_are_pulled_once_and_refused(self) -> None:
        placed, bot = order(), Bot()
        bot.post("/orders/pull")
        requests.ask_cancel(user_id=placed.user_id, order_ids=[placed.pk], now=clock.now())

        pulled, again = bot.post("/cancel/pull"), bot.post("/cancel/pull")
        refused = bot.post("/cancel/reject", order_id=placed.pk)
        twice = bot.post("/cancel/reject", order_id=placed.pk)

        assert pulled["data"] == {"count": 1, "list": [processing(placed)]}
        assert again["data"] == {"count": 0, "list": []}
        assert refused["data"] == processing(placed)
        assert twice == refusal(104, "Nobody asked to cancel this order.")
        assert acts()[1:] == ["admin_api.cancel.pull", "admin_api.cancel.reject"]


class TestRefillTasks:
    def asked(self) -> Refill:
        placed = order(by_hand(refill_days=30, refill_after_hours=0))
        Bot().post("/orders/change-status", order_id=placed.pk, status="completed")
        requests.ask_refill(user_id=placed.user_id, order_ids=[placed.pk], now=clock.now())
        return Refill.objects.get()

    def test_are_pulled_once_and_end(self) -> None:
        refill, bot = self.asked(), Bot()

        def literal(status: str) -> dict[str, Any]:
            return {
                "id": refill.pk,
                "order_id": refill.order_id,
                "link": "https://example.com/post/1",
                "status": status,
                "created": f"{refill.asked_at:%Y-%m-%d %H:%M:%S}",
            }

        pulled, again = bot.post("/refill/pull"), bot.post("/refill/pull")
        done = bot.post("/refill/change-status", refill_id=refill.pk, status="completed")
        twice = bot.post("/refill/change-status", id=refill.pk, status="rejected")

        assert pulled["data"]["count"] == 1
        assert again["data"] == {"count": 0, "list": []}
        assert done["data"] == literal("completed")
        assert twice == refusal(104, "This refill has ended.")
        assert Refill.objects.get().state == RefillState.COMPLETED
        assert acts()[1:] == ["admin_api.refill.pull", "admin_api.refill.change_status"]

    def test_of_another_supplier_are_absent(self) -> None:
        refill = self.asked()
        bot = Bot(services=(by_hand().pk,))

        for refill_id in (refill.pk, NOBODY):
            said: dict[str, Any] = {"refill_id": refill_id, "status": "completed"}
            assert bot.post("/refill/change-status", **said) == NOT_FOUND
        assert bot.post("/refill/change-status", id=[], status="completed") == refusal(
            103, "Bad or missing field: id."
        )
        assert bot.post("/refill/change-status", refill_id=refill.pk, status="lost") == refusal(
            103, "Bad or missing field: status."
        )


def test_money_is_moved_by_the_ledger_alone() -> None:
    placed, bot = order(), Bot()
    before = book.balance(placed.user_id)

    bot.post("/orders/cancel", order_id=placed.pk)

    assert book.balance(placed.user_id) - before == placed.charge_e8
    assert scene.books_agree()
