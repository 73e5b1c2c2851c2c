from __future__ import annotations

import pytest

from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import AuditEntry, User
from relaypanel.catalogue import agreed, listing, rates
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
