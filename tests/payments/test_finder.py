from __future__ import annotations

import pytest

from relaypanel.payments import finder, topup
from relaypanel.payments.finder import Wanted
from relaypanel.payments.models import State
from tests import cast
from tests.cast import NOW
from tests.payments import till

pytestmark = pytest.mark.django_db


class TestPage:
    def test_has_the_queue_oldest_first_and_all_else_newest_first(self) -> None:
        alice = cast.alice().user
        first, second = till.requested(alice), till.requested(alice)
        queue, everything = Wanted(state=State.REQUESTED), Wanted()

        assert finder.page(queue) == [first, second]
        assert finder.page(queue, past_id=first.pk) == [second]
        assert finder.page(everything) == [second, first]
        assert finder.page(everything, past_id=second.pk) == [first]

    def test_finds_by_reference_before_anything_else(self) -> None:
        alice = cast.alice().user
        first = till.requested(alice)
        till.requested(alice)

        assert finder.page(Wanted(text=first.reference)) == [first]
        assert finder.page(Wanted(text=first.reference, state=State.PAID)) == []
        assert len(finder.page(Wanted(text="lic"))) == 2


class TestOne:
    def test_comes_with_the_customers_others(self) -> None:
        alice = cast.alice().user
        first, second = till.requested(alice), till.requested(alice)
        till.requested(cast.bob().user)

        found = finder.one(second.pk)

        assert found == second
        assert finder.others(second) == [first]
        assert finder.one(987_654_321) is None


class TestToCheck:
    def test_counts_what_customers_say_they_have_sent(self) -> None:
        alice = cast.alice().user
        sent = till.requested(alice)
        till.requested(alice)

        topup.say_paid(user_id=alice.pk, topup_id=sent.pk, now=NOW)

        assert finder.to_check() == 1
