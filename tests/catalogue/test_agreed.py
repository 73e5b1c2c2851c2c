from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.accounts import users
from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import AuditEntry, User
from relaypanel.catalogue import agreed, listing, rates
from relaypanel.catalogue.models import UserRate
from tests import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return cast.alice().user


def discount(alice: User, percent: str) -> None:
    agreed.set_discount(user_id=alice.pk, percent=percent, by=CONSOLE, now=cast.NOW)


def rate(alice: User, service_id: int, text: str) -> None:
    agreed.set_rate(user_id=alice.pk, service_id=service_id, rate=text, by=CONSOLE, now=cast.NOW)


def listed(alice: User) -> list[str]:
    return [row["rate"] for row in listing.rows(alice.pk)]


class TestDiscount:
    def test_lowers_every_rate_until_it_ends(self, alice: User) -> None:
        cast.service(rate="2")

        discount(alice, "8.5")
        assert listed(alice) == ["1.83"]
        discount(alice, "10")
        assert listed(alice) == ["1.8"]
        discount(alice, "")
        assert listed(alice) == ["2"]

        changes = [(one.before, one.after) for one in AuditEntry.objects.order_by("pk")]
        told = [(before["percent_e2"], after["percent_e2"]) for before, after in changes]
        assert told == [(0, 850), (850, 1000), (1000, 0)]

    @pytest.mark.parametrize("percent", ["-1", "100.01", "1.234", "x", "NaN", "Infinity", "1e9"])
    def test_refuses_what_is_none(self, alice: User, percent: str) -> None:
        with pytest.raises(agreed.BadDiscount):
            discount(alice, percent)

        assert not AuditEntry.objects.exists()


class TestRate:
    def test_stands_above_the_discount_until_it_ends(self, alice: User) -> None:
        service = cast.service(rate="2")
        discount(alice, "50")

        rate(alice, service.pk, " 1.5 ")
        assert listed(alice) == ["1.5"]
        assert [one.service for one in agreed.of_user(alice.pk)] == [service]
        rate(alice, service.pk, "")
        assert listed(alice) == ["1"]

        entry = AuditEntry.objects.latest("pk")
        assert entry.before == {"service": service.pk, "rate": "1.5"}
        assert entry.after == {"service": service.pk, "rate": ""}

    def test_refuses_what_is_no_rate_and_no_service(self, alice: User) -> None:
        with pytest.raises(rates.BadRate):
            rate(alice, cast.service().pk, "-1")
        with pytest.raises(agreed.NoSuchService):
            rate(alice, 987, "1")


def own_rates(user: User) -> dict[int, str]:
    return {one.service_id: money.text(one.rate_e8) for one in agreed.of_user(user.pk)}


class TestCopyRates:
    def test_gives_what_another_has_and_leaves_the_rest(self, alice: User) -> None:
        first, second, third = (cast.service(rate="2") for _ in range(3))
        bob = cast.bob().user
        rate(bob, first.pk, "1.1")
        rate(bob, second.pk, "1.2")
        rate(alice, second.pk, "1.9")
        rate(alice, third.pk, "1.3")

        copied = agreed.copy_rates(user_id=alice.pk, username=" BOB ", by=CONSOLE, now=cast.NOW)

        assert copied == 2
        assert own_rates(alice) == {first.pk: "1.1", second.pk: "1.2", third.pk: "1.3"}
        assert own_rates(bob) == {first.pk: "1.1", second.pk: "1.2"}
        entry = AuditEntry.objects.latest("pk")
        assert entry.before == {"rates": {str(second.pk): "1.9"}}
        assert entry.after == {"from": bob.pk, "count": 2}

    @pytest.mark.parametrize("username", ["bob", "alice"])
    def test_refuses_who_has_none_and_oneself(self, alice: User, username: str) -> None:
        cast.bob()
        rate(alice, cast.service().pk, "1")

        with pytest.raises(agreed.NoOwnRates):
            agreed.copy_rates(user_id=alice.pk, username=username, by=CONSOLE, now=cast.NOW)

        assert UserRate.objects.count() == 1

    def test_refuses_nobody(self, alice: User) -> None:
        with pytest.raises(users.NoSuchUser):
            agreed.copy_rates(user_id=alice.pk, username="nobody", by=CONSOLE, now=cast.NOW)


class TestResetRates:
    def test_ends_all_of_one_user(self, alice: User) -> None:
        service, bob = cast.service(rate="2"), cast.bob().user
        rate(alice, service.pk, "1.5")
        rate(bob, service.pk, "1.4")

        assert agreed.reset_rates(user_id=alice.pk, by=CONSOLE, now=cast.NOW) == 1

        assert listed(alice) == ["2"]
        assert listed(bob) == ["1.4"]
        assert AuditEntry.objects.latest("pk").before == {
            "rates": {str(service.pk): "1.5"},
            "count": 1,
        }
        with pytest.raises(agreed.NoOwnRates):
            agreed.reset_rates(user_id=alice.pk, by=CONSOLE, now=cast.NOW)
