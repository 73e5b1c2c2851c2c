from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import money
from relaypanel.catalogue.models import Visibility
from relaypanel.contract import OrderType
from relaypanel.errors import Refused
from relaypanel.ledger import book
from relaypanel.orders import mass
from relaypanel.orders.models import Order
from relaypanel.orders.place import IncorrectService, PriceRose, Quote
from tests import cast
from tests.orders import scene
from tests.orders.scene import LINK, NOW

pytestmark = pytest.mark.django_db


def preview(*lines: str) -> list[Quote | Refused]:
    user = scene.alice()
    return [one.verdict for one in mass.preview(user_id=user.pk, lines=lines, now=NOW)]


def order(*lines: str, prices: str, ref: str = "page:ref") -> list[Order | Refused]:
    prices_e8 = [money.parse(price) for price in prices.split()]
    placed = mass.order(
        user_id=scene.alice().pk, lines=lines, prices_e8=prices_e8, ref=ref, now=NOW
    )
    return [one.verdict for one in placed]


def codes(verdicts: list[Quote | Refused]) -> list[str]:
    return [verdict.code if isinstance(verdict, Refused) else "ok" for verdict in verdicts]


class TestSplit:
    def test_drops_what_is_blank(self) -> None:
        assert mass.split(" 1 | a \r\n\n\t\n2|b") == ["1 | a", "2|b"]

    def test_takes_so_many_and_no_more(self) -> None:
        assert len(mass.split("x\n" * mass.LINES_MAX)) == mass.LINES_MAX
        with pytest.raises(mass.TooManyLines):
            mass.split("x\n" * (mass.LINES_MAX + 1))


class TestForm:
    @pytest.mark.parametrize(
        ("order_type", "form"),
        [
            (OrderType.DEFAULT, "service | link | quantity"),
            (OrderType.PACKAGE, "service | link"),
            (OrderType.CUSTOM_COMMENTS, "service | link | comments;…"),
            (OrderType.SUBSCRIPTIONS, "service | username | min | max | delay"),
        ],
    )
    def test_is_what_the_type_needs(self, order_type: OrderType, form: str) -> None:
        assert mass.form(order_type) == form


class TestPreview:
    def test_tells_each_price_and_writes_nothing(self) -> None:
        service = cast.service(rate="1")

        first, second = preview(f"{service.pk} | {LINK} | 1000", f"{service.pk}|{LINK}|500")

        assert isinstance(first, Quote)
        assert isinstance(second, Quote)
        assert [money.text(q.charge_e8) for q in (first, second)] == ["1", "0.5"]
        assert not Order.objects.exists()

    def test_reads_lists_between_semicolons(self) -> None:
        service = cast.service(type=OrderType.CUSTOM_COMMENTS, min=1)

        [verdict] = preview(f"{service.pk} | {LINK} | đẹp; quá ;ok")

        assert isinstance(verdict, Quote)
        assert verdict.content.quantity == 3

    def test_says_what_is_wrong_with_each_line(self) -> None:
        service, hidden = cast.service(), cast.service(visibility=Visibility.HIDDEN)

        verdicts = preview(
            f"{service.pk} | {LINK}",
            f"{service.pk} | {LINK} | 1000 | more",
            f"{hidden.pk} | {LINK} | 1000",
            f"no | {LINK} | 1000",
            f"{service.pk} | nonsense | 1000",
            f"{service.pk} | {LINK} | 1",
            f"{service.pk} | {LINK} | 1000",
        )

        assert codes(verdicts) == [
            *("unreadable_line", "unreadable_line", "incorrect_service", "incorrect_service"),
            *("bad_link", "quantity_too_small", "ok"),
        ]

    def test_spends_the_balance_line_by_line(self) -> None:
        service = cast.service(rate="400", max=10_000)

        verdicts = preview(*[f"{service.pk} | {LINK} | 1000"] * 3)

        assert codes(verdicts) == ["ok", "ok", "not_enough_funds"]

    @given(st.lists(st.text(max_size=30), max_size=5))
    def test_takes_any_text(self, lines: list[str]) -> None:
        codes_of_lines = codes(preview(*mass.split("\n".join(lines))))

        assert "ok" not in codes_of_lines


class TestOrder:
    def test_places_all_at_once(self) -> None:
        service = cast.service(rate="1")

        verdicts = order(
            f"{service.pk} | {LINK} | 1000", f"{service.pk} | {LINK}/2 | 500", prices="1 0.5"
        )

        assert [o.quantity for o in verdicts if isinstance(o, Order)] == [1000, 500]
        assert money.text(book.balance(scene.alice().pk)) == "998.5"

    def test_buys_once_however_often_it_is_sent(self) -> None:
        service = cast.service(rate="1")
        line = f"{service.pk} | {LINK} | 1000"

        first = order(line, line, prices="1 1")
        second = order(line, line, prices="1 1")

        assert first == second
        assert Order.objects.count() == 2

    def test_takes_no_line_above_its_price(self) -> None:
        service = cast.service(rate="1")
        line = f"{service.pk} | {LINK} | 1000"

        dearer, fair, cheaper = order(line, line, line, prices="0.99 1 1.01")

        assert isinstance(dearer, PriceRose)
        assert isinstance(fair, Order)
        assert isinstance(cheaper, Order)
        assert money.text(cheaper.charge_e8) == "1"

    def test_places_the_good_lines_beside_the_bad(self) -> None:
        service = cast.service(rate="1")

        bad, good = order("0 | x | 1", f"{service.pk} | {LINK} | 1000", prices="1 1")

        assert isinstance(bad, IncorrectService)
        assert isinstance(good, Order)
