from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.notices.models import Notice
from relaypanel.payments import low_balance
from tests import cast
from tests.cast import NOW
from tests.orders.scene import later

pytestmark = pytest.mark.django_db


class TestLook:
    def test_tells_once_until_the_balance_has_risen(self) -> None:
        alice = cast.alice(balance="4").user
        low_balance.watch(user_id=alice.pk, threshold_e8=money.parse("5"))

        assert low_balance.look(now=NOW) == 1
        assert low_balance.look(now=later(minutes=1)) == 0
        cast.fund(alice, "1")
        assert low_balance.look(now=later(minutes=2)) == 0
        low_balance.watch(user_id=alice.pk, threshold_e8=money.parse("6"))
        assert low_balance.look(now=later(minutes=3)) == 1

        assert Notice.objects.count() == 2
        assert Notice.objects.first().data["balance_e8"] == money.parse("4")  # type: ignore[union-attr]

    def test_leaves_those_alone_who_have_enough_or_did_not_ask(self) -> None:
        alice = cast.alice(balance="5").user
        cast.bob()
        low_balance.watch(user_id=alice.pk, threshold_e8=money.parse("5"))

        assert low_balance.look(now=NOW) == 0


class TestWatch:
    def test_ends_when_nothing_is_wanted(self) -> None:
        alice = cast.alice().user
        low_balance.watch(user_id=alice.pk, threshold_e8=money.parse("5"))
        assert low_balance.threshold_e8(alice.pk) == money.parse("5")

        low_balance.watch(user_id=alice.pk, threshold_e8=None)

        assert low_balance.threshold_e8(alice.pk) is None
        assert low_balance.look(now=NOW) == 0
