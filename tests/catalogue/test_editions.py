from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from relaypanel import money
from relaypanel.catalogue import editions
from relaypanel.catalogue.models import (
    Category,
    Discount,
    EditionMark,
    Platform,
    Route,
    Service,
    UserRate,
)
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast

pytestmark = pytest.mark.django_db


def _sell() -> None:
    """Put a service up for sale that has everything which can change."""
    service = cast.service()
    cast.route(service, cast.provider())
    alice = cast.alice().user
    UserRate.objects.create(user=alice, service=service, rate_e8=money.ONE_E8)
    Discount.objects.create(user=alice, percent_e2=100)


CHANGES: dict[str, Callable[[], object]] = {
    "a platform": lambda: Platform.objects.update(name="other"),
    "a category": lambda: Category.objects.update(position=7),
    "a rate": lambda: Service.objects.update(rate_e8=money.ONE_E8 * 9),
    "a new service": cast.service,
    "a service less": lambda: Service.objects.all().delete(),
    "a route": lambda: Route.objects.update(enabled=False),
    "an agreed rate": lambda: UserRate.objects.update(rate_e8=money.ONE_E8 * 9),
    "no agreed rate": lambda: UserRate.objects.all().delete(),
    "a discount": lambda: Discount.objects.update(percent_e2=200),
    "a provider that is off": lambda: Provider.objects.update(enabled=False),
    "a provider's currency": lambda: Provider.objects.update(rate_to_panel_e8=7),
    "a provider's rate": lambda: UpstreamService.objects.update(rate_e8=7),
    "a provider's type": lambda: UpstreamService.objects.update(type="Poll"),
}


class TestCurrent:
    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_is_another_after_each_change(self, change: Callable[[], object]) -> None:
        """Also after a migration that altered one of the tables: see migration 0006."""
        _sell()
        before = editions.current()

        change()

        assert editions.current() is not before

    def test_is_the_same_while_nothing_changes(self) -> None:
        _sell()
        edition = editions.current()
        Provider.objects.update(name="upstream again")

        assert editions.current() is edition

    def test_never_takes_what_was_undone_for_what_came_instead(self) -> None:
        _sell()
        with transaction.atomic():
            Service.objects.update(rate_e8=1_000)
            undone = editions.current().number
            transaction.set_rollback(True)

        Service.objects.update(rate_e8=2_000)

        assert editions.current().number != undone

    def test_keeps_few_marks(self) -> None:
        for number in range(50):
            Platform.objects.create(name=f"platform {number}")

        assert EditionMark.objects.count() <= 40


class TestPrices:
    def test_begin_anew_when_there_are_too_many_to_keep(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        edition = editions.Edition(number="1")
        edition.prices([1])
        monkeypatch.setattr(editions, "USERS_MAX", 1)

        edition.prices([1_000])

        assert 1 not in edition.agreed
        assert edition.prices([1_000])[1_000] == editions.Agreed(None, ())
