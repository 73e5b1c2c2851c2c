from __future__ import annotations

from datetime import timedelta

import pytest

from relaypanel import money
from relaypanel.orders.models import Order
from relaypanel.reports import proof
from tests import cast
from tests.orders import scene
from tests.orders.scene import NOW, later

pytestmark = pytest.mark.django_db


class TestProve:
    def test_keeps_that_all_agree_and_what_was_looked_at(self) -> None:
        scene.order()

        made = proof.prove(now=NOW)

        assert made.differences == []
        assert made.counts["transfers"] == 2
        assert str(made) == "proof of 2026-11-24"
        assert proof.latest() == made

    def test_keeps_what_differs(self) -> None:
        order = scene.order()
        Order.objects.filter(pk=order.pk).update(charge_e8=money.parse("2"))

        assert f"order {order.pk}" in proof.prove(now=NOW).differences[0]


class TestIsDue:
    def test_once_a_day(self) -> None:
        assert proof.is_due(now=NOW)

        proof.prove(now=NOW)

        assert not proof.is_due(now=later(hours=19))
        assert proof.is_due(now=later(hours=21))

    def test_at_night_where_the_books_are_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cast.alice(balance="1")
        monkeypatch.setattr(proof, "QUICK_TRANSFERS", 0)

        assert not proof.is_due(now=NOW)
        assert proof.is_due(now=NOW.replace(hour=proof.NIGHT_HOUR) + timedelta(minutes=30))
