from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from relaypanel.orders.heard import Exchange
from tests.orders import scene

pytestmark = pytest.mark.django_db


class TestExchange:
    def test_is_one_for_each_attempt(self) -> None:
        order = scene.placed(scene.relayed())
        assert order.provider_id is not None
        for token in (1, 2):
            write(order.pk, order.provider_id, token)

        with pytest.raises(IntegrityError), transaction.atomic():
            write(order.pk, order.provider_id, 2)

        assert str(Exchange.objects.latest("token")) == f"order {order.pk}, attempt 2"


def write(order_id: int, provider_id: int, token: int) -> None:
    Exchange.objects.create(
        order_id=order_id, provider_id=provider_id, token=token, at=scene.NOW, sent={}
    )
