from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.ledger import book, chart, journal
from relaypanel.ledger.book import Posting
from relaypanel.ledger.journal import Wanted
from relaypanel.ledger.models import Code, Transfer
from tests import cast
from tests.cast import NOW

pytestmark = pytest.mark.django_db


def history(number: int = 6, *, balance: str = "100") -> User:
    """Return Alice, who got that much and then paid 1, 2, 3, … a minute apart; Bob did likewise."""
    alice, bob = cast.alice(balance=balance).user, cast.bob(balance=balance).user
    for at in range(1, number + 1):
        postings = [
            Posting(
                key=f"order:{at}{user.pk}:charge",
                debit=chart.customer(user.pk),
                credit=chart.SALES,
                amount_e8=money.parse(str(at)),
                code=Code.ORDER_CHARGE,
            )
            for user in (alice, bob)
        ]
        book.post_many(postings, now=NOW + timedelta(minutes=at))
    return alice


def told(user: User, **wanted: object) -> list[tuple[str, str]]:
    movements = journal.page(Wanted(user_id=user.pk, **wanted), limit=100)  # type: ignore[arg-type]
    return [(money.text(one.change_e8), money.text(one.left_e8 or 0)) for one in movements]


class TestPage:
    def test_tells_each_movement_and_what_was_left(self) -> None:
        assert told(history(3)) == [("-3", "94"), ("-2", "97"), ("-1", "99"), ("100", "100")]

    def test_goes_on_where_it_stopped(self) -> None:
        alice = history()
        wanted = Wanted(user_id=alice.pk)
        whole = journal.page(wanted, limit=100)

        pages, before = [], None
        while found := journal.page(wanted, before_id=before, limit=2):
            pages += found
            before = found[-1].pk

        assert pages == whole
        assert pages == [row for some in journal.pages(wanted) for row in some]

    def test_leaves_out_what_is_not_wanted(self) -> None:
        alice = history()

        assert told(alice, code=Code.DEPOSIT) == [("100", "100")]
        span = {"since": NOW + timedelta(minutes=2), "until": NOW + timedelta(minutes=4)}
        assert told(alice, **span) == [("-3", "94"), ("-2", "97")]

    def test_keeps_what_is_left_within_a_batch(self) -> None:
        alice = cast.alice().user
        given = Posting(
            key="a",
            debit=chart.CASH,
            credit=chart.customer(alice.pk),
            amount_e8=5,
            code=Code.DEPOSIT,
        )
        taken = Posting(
            key="b",
            debit=chart.customer(alice.pk),
            credit=chart.CASH,
            amount_e8=3,
            code=Code.WITHDRAWAL,
        )

        book.post_many([given, taken], now=NOW)

        left = [one.left_e8 for one in journal.page(Wanted(user_id=alice.pk), limit=2)]
        assert left == [2, 5]

    def test_costs_two_statements(self) -> None:
        alice = history()

        with CaptureQueriesContext(connection) as queries:
            journal.page(Wanted(user_id=alice.pk), limit=5)

        assert len(queries) == 2


class TestEverybody:
    def test_tells_all_customers_newest_first(self) -> None:
        alice = history(2)

        rows = journal.page(Wanted())

        assert [row.pk for row in rows] == sorted((row.pk for row in rows), reverse=True)
        assert len(rows) == 6
        assert journal.named(rows) == {user.pk: user for user in User.objects.all()}
        hers = [row.change_e8 for row in rows if row.customer_id == alice.pk]
        assert sum(hers) == money.parse("97")

    def test_finds_an_order_by_its_keys(self) -> None:
        alice = history(3)

        (row,) = journal.page(Wanted(order_id=int(f"2{alice.pk}")))

        assert (row.key, money.text(row.change_e8)) == (f"order:2{alice.pk}:charge", "-2")
        assert journal.page(Wanted(order_id=2)) == []

    @pytest.mark.parametrize("code", Code)
    def test_finds_each_kind_by_the_house_it_passes(self, code: Code) -> None:
        alice = cast.alice(balance="100").user
        for number, (debit, credit, kind) in enumerate(every_arrow(alice)):
            posting = Posting(key=f"x{number}", debit=debit, credit=credit, amount_e8=1, code=kind)
            book.post(posting, now=NOW)

        found = journal.page(Wanted(code=code))

        assert found == list(Transfer.objects.filter(code=code).order_by("-pk"))
        assert found

    def test_costs_as_much_for_many_as_for_few(self) -> None:
        history(2)

        def cost() -> int:
            with CaptureQueriesContext(connection) as queries:
                journal.page(Wanted(code=Code.ORDER_CHARGE, since=NOW, until=NOW))
            return len(queries)

        before = cost()
        cast.fund(User.objects.get(username="bob"), "1")

        assert cost() == before == 3


def every_arrow(user: User) -> list[tuple[int, int, Code]]:
    """Return each way that money goes between a customer and the houses."""
    account = chart.customer(user.pk)
    return [
        (account, chart.SALES, Code.ORDER_CHARGE),
        (chart.SALES, account, Code.ORDER_REFUND),
        (chart.CASH, account, Code.DEPOSIT),
        (account, chart.CASH, Code.WITHDRAWAL),
        (chart.ADJUSTMENTS, account, Code.ADJUSTMENT),
        (account, chart.ADJUSTMENTS, Code.ADJUSTMENT),
        (chart.PROMOTIONS, account, Code.BONUS),
        (chart.PROMOTIONS, account, Code.AFFILIATE),
    ]


class TestSpan:
    @pytest.mark.parametrize("since", range(-3, 30, 3))
    def test_is_found_by_ids_wherever_it_begins(self, since: int) -> None:
        alice = cast.alice(balance="0").user
        for hour in (0, 1, 1, 2, 5, 9, 9, 14, 22):
            give(alice, NOW + timedelta(hours=hour))
        begin, end = NOW + timedelta(hours=since), NOW + timedelta(hours=since + 4)

        found = journal.page(Wanted(since=begin, until=end))

        moved = Transfer.objects.filter(created_at__gte=begin, created_at__lt=end)
        assert found == list(moved.order_by("-pk"))

    def test_holds_what_was_written_late(self) -> None:
        """IDs and moments of what is written at once come in any order."""
        alice = cast.alice(balance="0").user
        minutes = (0, 70, 50, 65, 58, 75, 130)
        for minute in minutes:
            give(alice, NOW + timedelta(minutes=minute))
        begin, end = NOW + timedelta(minutes=60), NOW + timedelta(minutes=120)

        found = journal.page(Wanted(since=begin, until=end))

        assert len(found) == sum(60 <= minute < 120 for minute in minutes)

    def test_of_an_empty_journal_is_empty(self) -> None:
        assert journal.page(Wanted(since=NOW, until=NOW + timedelta(days=1))) == []


def give(user: User, at: datetime) -> None:
    posting = Posting(
        key=f"gift:{Transfer.objects.count()}",
        debit=chart.ADJUSTMENTS,
        credit=chart.customer(user.pk),
        amount_e8=1,
        code=Code.ADJUSTMENT,
    )
    book.post(posting, now=at)


class TestTransfer:
    def test_names_what_it_is_about(self) -> None:
        alice = history(1)
        charge, deposit = journal.page(Wanted(user_id=alice.pk), limit=2)

        assert charge.order_id == int(f"1{alice.pk}")
        assert charge.topup_id is None
        assert deposit.order_id is None
