from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from relaypanel import demo, errors, money
from relaypanel.accounts import keys, users
from relaypanel.accounts.models import Role, User
from relaypanel.catalogue import listing
from relaypanel.catalogue.models import Service
from relaypanel.contract import OrderType, ServiceRow
from relaypanel.demo import NotADemo, Person
from relaypanel.ledger import audit, book
from relaypanel.ledger.models import Code, Transfer
from relaypanel.orders import staff
from relaypanel.orders.models import Order, Status
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast
from tests.cast import NOW
from tests.orders import scene

pytestmark = pytest.mark.django_db

ASKED = "87654321098.76543"
URL = "http://127.0.0.1:1/api/v2"


def fill(balance: str = "100", *, other: str = "0.51", hours: int = 0) -> dict[str, Person]:
    return demo.fill(
        balance_e8=money.parse(balance),
        other_balance_e8=money.parse(other),
        now=NOW + timedelta(hours=hours),
    )


def user(person: Person) -> User:
    return users.named(person.username)


def balance(person: Person) -> str:
    return money.text(book.balance(user(person).pk))


def listed() -> list[ServiceRow]:
    return listing.rows(user(fill()["customer"]).pk)


class TestPeople:
    def test_can_all_log_in_and_call(self) -> None:
        people = fill()

        assert {part: user(person).role for part, person in people.items()} == {
            "customer": Role.CUSTOMER,
            "other": Role.CUSTOMER,
            "staff": Role.STAFF,
            "owner": Role.OWNER,
        }
        for person in people.values():
            assert user(person).check_password(person.password)
            caller = keys.find(person.api_key, address=None)
            assert caller is not None
            assert caller.user_id == user(person).pk

    def test_have_what_was_asked_to_the_last_digit(self) -> None:
        people = fill(ASKED, other="0.00000001")

        assert balance(people["customer"]) == ASKED
        assert balance(people["other"]) == "0.00000001"
        assert balance(people["staff"]) == "0"
        assert audit.prove() == []


class TestServices:
    def test_are_of_every_type(self) -> None:
        assert {row["type"] for row in listed()} == set(OrderType)
        assert len(OrderType) == 17

    @pytest.mark.parametrize("switch", ["refill", "cancel", "dripfeed"])
    def test_have_each_switch_both_on_and_off(self, switch: str) -> None:
        assert {dict(row)[switch] for row in listed()} == {True, False}

    def test_have_vietnamese_names_and_emoji(self) -> None:
        names = "".join(row["name"] for row in listed())

        assert {"ệ", "đ", "👍", "🛡"} <= set(names)

    def test_have_whole_and_fractional_rates(self) -> None:
        rates = [Decimal(row["rate"]) for row in listed()]

        assert any(rate % 1 == 0 for rate in rates)
        assert any(rate % 1 != 0 for rate in rates)

    def test_can_be_refilled_without_waiting_a_day(self) -> None:
        fill()

        refillable = Service.objects.exclude(refill_days=None)
        assert set(refillable.values_list("refill_after_hours", flat=True)) == {0}

    def test_are_fulfilled_by_the_simulated_provider(self) -> None:
        fill()

        [provider] = Provider.objects.all()
        assert (provider.name, provider.url) == (demo.PROVIDER, demo.SIMULATOR_URL)
        assert Service.objects.exclude(routes=None).count() == UpstreamService.objects.count()

    def test_include_one_that_staff_fulfil(self) -> None:
        customer = user(fill()["customer"])
        [service] = Service.objects.filter(routes=None)
        order = scene.placed_by(customer, service, quantity="10")

        staff.set_status(order_id=order.pk, to=Status.COMPLETED, now=NOW)

        assert Order.objects.get().status == Status.COMPLETED


class TestFillAgain:
    def test_gives_new_passwords_and_keeps_the_keys(self) -> None:
        first = fill()

        again = fill(hours=1)

        for part, person in again.items():
            assert person.api_key == first[part].api_key
            assert not user(person).check_password(first[part].password)
            assert user(person).check_password(person.password)
        assert User.objects.count() == 4

    def test_lists_the_same_services(self) -> None:
        before = listed()

        assert listed() == before
        assert Provider.objects.count() == 1

    @pytest.mark.parametrize("asked", [ASKED, "0", "99.99999999"])
    def test_brings_a_balance_to_what_is_asked(self, asked: str) -> None:
        fill("100")

        people = fill(asked, hours=1)

        assert balance(people["customer"]) == asked
        assert audit.prove() == []

    def test_moves_money_only_as_the_book_does(self) -> None:
        fill("100", other="1")

        fill("30", other="1", hours=1)

        transfers = Transfer.objects.order_by("pk").values_list("code", "amount_e8")
        assert list(transfers) == [
            (Code.DEPOSIT, money.parse("100")),
            (Code.DEPOSIT, money.parse("1")),
            (Code.WITHDRAWAL, money.parse("70")),
        ]

    def test_keeps_the_orders(self) -> None:
        people = fill()
        service = Service.objects.get(name__startswith="TikTok Tim")
        order = scene.placed_by(user(people["customer"]), service)

        again = fill(hours=1)

        assert Order.objects.get() == order
        assert balance(again["customer"]) == "100"


class TestFillElsewhere:
    def test_leaves_a_real_shop_as_it_is(self) -> None:
        cast.provider()

        with pytest.raises(NotADemo, match="Point DATABASE_URL at another one") as refused:
            fill()

        assert isinstance(refused.value, errors.Refused)
        assert not User.objects.exists()
        assert not Service.objects.exists()

    def test_leaves_a_demo_with_another_provider_as_it_is(self) -> None:
        people = fill("100")
        cast.provider()

        with pytest.raises(NotADemo):
            fill("5", hours=1)

        assert balance(people["customer"]) == "100"
        assert user(people["customer"]).check_password(people["customer"].password)

    def test_changes_no_service_of_somebody_else(self) -> None:
        own = cast.service(refill_days=30, refill_after_hours=24)

        fill()

        own.refresh_from_db()
        assert own.refill_after_hours == 24


class TestPrepare:
    def test_makes_the_shop_and_says_the_key(self) -> None:
        key = demo.prepare(simulator_url=URL)

        assert key == keys.reveal(users.named("demo_customer"))
        assert Provider.objects.get().url == URL
        assert book.balance(users.named("demo_customer").pk) == demo.BALANCE_E8
        assert book.balance(users.named("demo_other").pk) == demo.OTHER_BALANCE_E8

    def test_leaves_a_shop_that_is_there_and_points_it_at_the_simulator(self) -> None:
        people = fill("7")

        key = demo.prepare(simulator_url=URL)

        assert key == people["customer"].api_key
        assert Provider.objects.get().url == URL
        assert balance(people["customer"]) == "7"
        assert user(people["customer"]).check_password(people["customer"].password)

    def test_refuses_a_real_shop(self) -> None:
        cast.provider()

        with pytest.raises(NotADemo):
            demo.prepare(simulator_url=URL)

        assert not User.objects.exists()
