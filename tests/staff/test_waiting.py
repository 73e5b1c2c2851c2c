from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from relaypanel import clock
from relaypanel.accounts.models import AuditEntry
from relaypanel.orders.models import CancelState, Order, OrderEvent, RefillState, Status
from tests.orders import scene
from tests.orders.test_decide import manual, refill
from tests.staff import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return people.owner()


def unconfirmed(*, minutes_ago: int = 60) -> Order:
    sent_at = clock.now() - timedelta(minutes=minutes_ago)
    order = scene.order(Status.UNCONFIRMED, sending_until=sent_at)
    OrderEvent.objects.create(
        order=order, at=sent_at, to_status=Status.UNCONFIRMED, reason="unclear", detail="time-out"
    )
    return order


def said(client: Client, path: str, **fields: str) -> str:
    reply = client.post(path, fields, follow=True)
    assert reply.status_code == 200
    return " ".join(str(message) for message in reply.context["messages"])


class TestUnconfirmed:
    def test_shows_what_is_open_and_why(self, client: Client) -> None:
        open_, early = unconfirmed(), unconfirmed(minutes_ago=0)

        page = client.get("/staff/unconfirmed").content.decode()

        assert "time-out" in page
        assert f"/staff/unconfirmed/{open_.pk}/attach" in page
        assert f"/staff/unconfirmed/{early.pk}/attach" not in page
        assert f"Order {early.pk}" in page

    def test_is_sent_again_for_a_reason(self, client: Client) -> None:
        order = unconfirmed()

        words = said(client, f"/staff/unconfirmed/{order.pk}/requeue", reason="They said no.")

        assert words == f"Order {order.pk} will be sent again."
        assert scene.again(order).status == Status.QUEUED
        assert AuditEntry.objects.get(act="order.requeue").after["reason"] == "They said no."

    def test_is_not_sent_again_without_reason_or_proof(self, client: Client) -> None:
        order = unconfirmed()

        assert "Nothing proves" in said(client, f"/staff/unconfirmed/{order.pk}/requeue")
        assert scene.again(order).status == Status.UNCONFIRMED

    def test_is_refunded(self, client: Client) -> None:
        order = unconfirmed()

        said(client, f"/staff/unconfirmed/{order.pk}/refund")

        assert scene.again(order).status == Status.CANCELED
        assert scene.balance() == "1000"
        assert AuditEntry.objects.filter(act="order.refund").count() == 1

    def test_is_not_attached_to_what_is_no_id(self, client: Client) -> None:
        order = unconfirmed()

        words = said(client, f"/staff/unconfirmed/{order.pk}/attach", upstream_id="x y")

        assert words == "The provider does not know such an order of ours."

    def test_is_left_alone_while_an_answer_may_come(self, client: Client) -> None:
        order = unconfirmed(minutes_ago=0)

        assert "may still come" in said(client, f"/staff/unconfirmed/{order.pk}/refund")
        assert scene.again(order).status == Status.UNCONFIRMED

    @pytest.mark.parametrize("verb", ["attach", "requeue", "refund"])
    def test_is_absent_where_there_is_none(self, client: Client, verb: str) -> None:
        assert client.post(f"/staff/unconfirmed/987/{verb}").status_code == 404

    def test_goes_on_below_the_last_one(self, client: Client) -> None:
        orders = [unconfirmed() for _ in range(27)]

        first = client.get("/staff/unconfirmed")
        second = client.get(f"/staff/unconfirmed{first.context['next_page']}")

        assert [row.order for row in second.context["rows"]] == orders[25:]


class TestCancels:
    def test_are_answered(self, client: Client) -> None:
        order = manual()
        request = scene.asked(order)
        assert f"Order {order.pk}" in client.get("/staff/cancels").content.decode()

        assert "reason" in said(client, f"/staff/cancels/{request.pk}", verdict="reject")
        assert said(client, f"/staff/cancels/{request.pk}", verdict="approve") == "Done."

        request.refresh_from_db()
        assert request.state == CancelState.DONE
        assert scene.balance() == "1000"
        assert client.get("/staff/cancels").context["rows"] == []

    def test_need_a_verdict(self, client: Client) -> None:
        assert client.post("/staff/cancels/1", {"verdict": "maybe"}).status_code == 400
        assert client.post("/staff/cancels/987", {"verdict": "approve"}).status_code == 404


class TestRefills:
    def test_are_answered(self, client: Client) -> None:
        one = refill()
        assert f"Refill {one.pk}" in client.get("/staff/refills").content.decode()

        said(client, f"/staff/refills/{one.pk}", verdict="done")

        one.refresh_from_db()
        assert one.state == RefillState.COMPLETED

    def test_need_a_verdict(self, client: Client) -> None:
        assert client.post("/staff/refills/1", {"verdict": "maybe"}).status_code == 400
        assert client.post("/staff/refills/987", {"verdict": "done"}).status_code == 404
