from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from relaypanel import clock
from relaypanel.orders import place
from relaypanel.orders.models import Order, Status
from relaypanel.orders.place import OrderRequest
from relaypanel.storefront import announcements
from tests import cast
from tests.dashboard.browser import queries, signed_in
from tests.orders import scene
from tests.orders.scene import LINK

pytestmark = pytest.mark.django_db


def get(query: str = "") -> Any:
    return signed_in(scene.alice()).get(f"/dashboard{query}")


def buy(count: int = 1) -> list[Order]:
    """Let Alice order now, at 1 each."""
    wanted = OrderRequest(
        user_id=scene.alice().pk,
        service_id=scene.relayed().pk,
        fields={"link": LINK, "quantity": "1000"},
    )
    verdicts = place.place(requests=[wanted] * count, now=clock.now())
    return [verdict for verdict in verdicts if isinstance(verdict, Order)]


class TestPage:
    def test_greets_who_has_nothing_yet(self) -> None:
        page = get().content.decode()

        assert "Good " in page
        assert "No orders yet" in page

    def test_tells_what_was_spent_and_what_orders_do(self) -> None:
        orders = buy(2)
        scene.standing(orders[0], Status.COMPLETED)

        context = get().context

        assert (context["today"], context["spent_e8"]) == (2, 2 * 10**8)
        assert context["month_e8"] == context["spent_e8"]
        assert context["placed"] == 2
        assert [one.order.pk for one in context["rows"]] == [orders[1].pk, orders[0].pk]

    @pytest.mark.parametrize(("query", "days"), [("", 30), ("?days=7", 7), ("?days=90", 90)])
    def test_draws_as_many_days_as_are_asked_for(self, query: str, days: int) -> None:
        assert len(get(query).context["chart"]["values"]) == days

    @pytest.mark.parametrize("query", ["?days=x", "?days=-1", "?state=x", "?days=١٠"])
    def test_takes_any_query(self, query: str) -> None:
        assert get(query).context["days"] == 30

    def test_filters_the_recent_orders(self) -> None:
        first, _ = buy(2)
        scene.standing(first, Status.PARTIAL)

        rows = get("?state=partial").context["rows"]

        assert [one.order.pk for one in rows] == [first.pk]

    def test_answers_the_live_part_alone(self) -> None:
        part = signed_in(scene.alice()).get("/dashboard", headers={"HX-Request": "true"})

        assert part.content.decode().strip().startswith('<section class="card" id="recent"')

    def test_shows_what_the_owner_announces(self) -> None:
        announcements.announce(
            title="Sale", body="All *cheaper*.", from_at=clock.now() - timedelta(hours=1)
        )

        assert "Sale" in get().content.decode()

    def test_shows_nothing_of_anybody_else(self) -> None:
        scene.placed_by(cast.bob(balance="10").user, scene.relayed())

        context = get().context

        assert (context["rows"], context["spent_e8"], context["placed"]) == ([], 0, 0)

    def test_asks_the_same_queries_for_any_number_of_orders(self) -> None:
        client = signed_in(scene.alice())
        buy()
        few = queries(client, "/dashboard")
        buy(12)

        assert queries(client, "/dashboard") == few <= 22
