from __future__ import annotations

from typing import Any

import pytest

from relaypanel import money
from relaypanel.catalogue.offers import Offer, usable_routes
from relaypanel.ledger import book
from relaypanel.ledger.models import Transfer
from relaypanel.orders import insert
from relaypanel.orders.models import Order, RefillWatch, Status
from relaypanel.orders.types import Content
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW

pytestmark = pytest.mark.django_db


def draft(service: Any, **changes: Any) -> insert.Draft:
    """Return an order of Alice's for 500 pieces at 1 for a thousand."""
    routes = usable_routes([service.pk])
    fields: dict[str, Any] = {
        "user_id": scene.alice().pk,
        "offer": Offer(
            service=service,
            rate_e8=money.ONE_E8,
            routes=routes.get(service.pk, ()),
            manual=service.pk not in routes,
        ),
        "content": Content(link=scene.LINK, quantity=500),
        "charge_e8": money.ONE_E8 // 2,
        "debit_e8": money.ONE_E8 // 2,
    }
    return insert.Draft(**(fields | changes))


def written(*drafts: insert.Draft) -> list[Order]:
    held_e8 = book.lock({draft.user_id for draft in drafts})
    return [Order.objects.get(pk=pk) for pk in insert.write(drafts, now=NOW, held_e8=held_e8)]


class TestWrite:
    def test_writes_the_orders_and_their_charges(self) -> None:
        service = scene.relayed()

        first, second = written(draft(service), draft(service, debit_e8=0))

        assert (first.quantity, first.remains, first.placed_at, first.due_at) == (
            500,
            500,
            NOW,
            NOW,
        )
        assert (first.status, first.provider) == (Status.QUEUED, scene.upstream())
        assert money.text(first.charge_e8) == "0.5"
        assert [transfer.key for transfer in Transfer.objects.filter(code="order_charge")] == [
            f"order:{first.pk}:charge"
        ]
        assert first.events.get().reason == second.events.get().reason == "placed"
        assert scene.balance() == "999.5"

    def test_writes_nothing_for_nothing(self) -> None:
        assert written() == []

    def test_holds_what_no_route_can_take_and_queues_what_staff_deliver(self) -> None:
        service = scene.relayed()
        service.routes.update(enabled=False)

        held, manual = written(draft(service), draft(cast.service()))

        assert (held.status, held.provider) == (Status.HELD, None)
        assert (manual.status, manual.provider) == (Status.QUEUED, None)

    def test_writes_a_drip_feed_as_nobodys_to_send(self) -> None:
        content = Content(link=scene.LINK, quantity=500, runs=3, interval_minutes=5)

        [parent] = written(draft(scene.relayed(), content=content))

        assert (parent.status, parent.provider, parent.remains) == (Status.IN_PROGRESS, None, 1500)

    def test_writes_a_part_as_its_whole_was_sold(self) -> None:
        parent = scene.drip_feed()
        parent.service.rate_per = 1
        parent.service.save()

        [run] = written(draft(parent.service, parent=parent, run=1))

        assert (run.rate_per, run.type, run.parent) == (1000, parent.type, parent)

    def test_writes_a_post_as_its_provider_made_it(self) -> None:
        [post] = written(draft(scene.relayed(), upstream_id="501"))

        assert (post.status, post.upstream_id) == (Status.PENDING, "501")

    def test_has_counted_again_what_is_refilled_by_itself(self) -> None:
        service = scene.relayed(auto_refill=True, refill_days=30)

        [watched, _] = written(draft(service), draft(scene.relayed()))

        assert RefillWatch.objects.get().order == watched
