from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.ledger import book, chart
from relaypanel.ledger.book import Posting
from relaypanel.ledger.models import Account, Code, Transfer
from relaypanel.reports import books
from relaypanel.reports.books import Books, Moved
from relaypanel.reports.models import BookDay
from tests import cast

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def moves(user: User, amount: str, code: Code, at: datetime) -> None:
    """Move money to the customer, or from them where the amount is below zero."""
    house = {Code.DEPOSIT: chart.CASH, Code.BONUS: chart.PROMOTIONS}.get(code, chart.SALES)
    change_e8 = money.parse(amount.removeprefix("-"))
    sides = (house, user.pk) if not amount.startswith("-") else (user.pk, house)
    posting = Posting(
        key=f"{code}:{Transfer.objects.count()}",
        debit=sides[0],
        credit=sides[1],
        amount_e8=change_e8,
        code=code,
    )
    book.post(posting, now=at)


@pytest.fixture
def alice() -> User:
    return cast.alice(balance="0").user


def of_month() -> list[Books]:
    return books.month(date(2026, 11, 1))


class TestLook:
    def test_adds_up_each_kind_and_what_customers_hold(self, alice: User) -> None:
        moves(alice, "100", Code.DEPOSIT, NOON - DAY)
        moves(alice, "5", Code.BONUS, NOON - DAY)
        moves(alice, "-30", Code.ORDER_CHARGE, NOON)
        moves(alice, "-20", Code.ORDER_CHARGE, NOON)
        moves(alice, "10", Code.ORDER_REFUND, NOON)

        assert not books.look(now=NOON)

        today, before = of_month()
        assert (today.date, before.date) == (NOON.date(), (NOON - DAY).date())
        assert before.of(Code.DEPOSIT) == Moved(number=1, in_e8=money.parse("100"))
        assert before.owed_e8 == money.parse("105")
        assert today.of(Code.ORDER_CHARGE) == Moved(number=2, out_e8=money.parse("50"))
        assert today.of(Code.ORDER_REFUND).net_e8 == money.parse("10")
        assert today.of(Code.WITHDRAWAL) == Moved()
        assert today.owed_e8 == Account.objects.get(pk=alice.pk).balance_e8

    def test_has_a_row_for_a_day_on_which_nothing_moved(self, alice: User) -> None:
        moves(alice, "100", Code.DEPOSIT, NOON - 3 * DAY)

        books.look(now=NOON)

        assert [day.owed_e8 for day in of_month()] == [money.parse("100")] * 4

    def test_keeps_adding_up_a_day_until_an_hour_after_its_end(self, alice: User) -> None:
        midnight = datetime(2026, 11, 25, tzinfo=UTC)
        books.look(now=NOON)
        moves(alice, "1", Code.DEPOSIT, midnight - timedelta(seconds=1))
        books.look(now=midnight + timedelta(minutes=1))
        moves(alice, "2", Code.DEPOSIT, midnight - timedelta(microseconds=1))

        books.look(now=midnight + timedelta(hours=1))

        today, before = of_month()
        assert before.of(Code.DEPOSIT).in_e8 == before.owed_e8 == money.parse("3")
        assert today.owed_e8 == money.parse("3")

    def test_leaves_a_day_alone_when_it_is_settled(self, alice: User) -> None:
        moves(alice, "1", Code.DEPOSIT, NOON - 2 * DAY)
        books.look(now=NOON)
        kept = list(BookDay.objects.order_by("date").values_list("added_up_at", flat=True))

        books.look(now=NOON + timedelta(minutes=5))

        again = list(BookDay.objects.order_by("date").values_list("added_up_at", flat=True))
        assert again[:2] == kept[:2]
        assert again[2] == NOON + timedelta(minutes=5)

    def test_catches_up_with_some_days_at_a_time(
        self, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(books, "CAUGHT_UP_AT_ONCE", 2)
        moves(alice, "1", Code.DEPOSIT, NOON - 4 * DAY)

        looks = [books.look(now=NOON) for _ in range(3)]

        assert looks == [True, True, False]
        assert len(of_month()) == 5

    def test_holds_the_largest_amounts_there_are(self, alice: User) -> None:
        most = money.text(money.MAX_E8)
        for _ in range(3):
            moves(alice, most, Code.DEPOSIT, NOON)
            moves(alice, f"-{most}", Code.ORDER_CHARGE, NOON)

        books.look(now=NOON)

        (today,) = of_month()
        assert today.of(Code.DEPOSIT).in_e8 == 3 * money.MAX_E8
        assert today.owed_e8 == 0

    def test_begins_today_where_nothing_has_moved(self) -> None:
        books.look(now=NOON)

        assert [(day.date, day.owed_e8) for day in of_month()] == [(NOON.date(), 0)]


class TestTogether:
    def test_adds_days_up_and_holds_what_the_last_one_holds(self, alice: User) -> None:
        moves(alice, "100", Code.DEPOSIT, NOON - DAY)
        moves(alice, "50", Code.DEPOSIT, NOON)
        books.look(now=NOON)

        whole = books.together(of_month())

        assert whole.of(Code.DEPOSIT) == Moved(number=2, in_e8=money.parse("150"))
        assert whole.owed_e8 == money.parse("150")


class TestMonths:
    def test_go_back_to_where_the_books_begin(self, alice: User) -> None:
        moves(alice, "1", Code.DEPOSIT, datetime(2026, 9, 30, 23, tzinfo=UTC))
        while books.look(now=NOON):
            pass

        months = books.months(now=NOON)

        assert months == [date(2026, 11, 1), date(2026, 10, 1), date(2026, 9, 1)]
        assert [len(books.month(first)) for first in months] == [24, 31, 1]

    def test_hold_this_one_before_there_are_books(self) -> None:
        assert books.months(now=NOON) == [date(2026, 11, 1)]
