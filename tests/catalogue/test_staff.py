from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.catalogue import staff
from relaypanel.catalogue.models import News, Route, Service, ServiceUpdate, Visibility
from tests import cast
from tests.catalogue.lists import after, listing, rate, sell, sync

pytestmark = pytest.mark.django_db


class TestChange:
    def test_sets_a_rate_and_locks_it(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)

        changed = staff.change(service_id=service.pk, now=after(1), rate_e8=money.parse("3"))

        assert changed.rate_e8 == money.parse("3")
        assert (changed.rate_locked, changed.name_locked) == (True, False)
        sync(provider, listing(rate="1.1"))
        assert rate(service) == "3"

    @pytest.mark.parametrize("words", [{"name": "Ours"}, {"description": "Ours"}])
    def test_sets_words_and_locks_them(self, words: dict[str, str]) -> None:
        provider = cast.provider()
        (service,) = sell(provider)

        staff.change(service_id=service.pk, now=after(1), **words)  # type: ignore[arg-type]

        sync(provider, listing(name="Likes 🚀", description="Theirs"))
        service.refresh_from_db()
        assert service.name_locked
        assert not service.rate_locked
        assert words.items() <= vars(service).items()

    def test_lets_an_unlocked_rate_follow_at_once(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        staff.change(service_id=service.pk, now=after(1), rate_e8=money.parse("3"))

        changed = staff.change(service_id=service.pk, now=after(2), rate_locked=False)

        assert money.text(changed.rate_e8) == "1.2"

    def test_switches_automatic_refills(self) -> None:
        service = cast.service(refill_days=30)

        assert staff.change(service_id=service.pk, now=after(1), auto_refill=True).auto_refill
        assert not staff.change(service_id=service.pk, now=after(2), auto_refill=False).auto_refill

    def test_refuses_automatic_refills_where_there_are_none(self) -> None:
        service = cast.service()

        with pytest.raises(staff.NotRefilled):
            staff.change(service_id=service.pk, now=after(1), auto_refill=True)

        service.refresh_from_db()
        assert not service.auto_refill

    def test_tells_customers(self) -> None:
        service = cast.service(rate="1")
        staff.change(service_id=service.pk, now=after(1), rate_e8=money.parse("2"))
        staff.change(service_id=service.pk, now=after(2), visibility=Visibility.DISABLED)
        staff.change(service_id=service.pk, now=after(3), visibility=Visibility.ENABLED)
        staff.change(service_id=service.pk, now=after(4), name="Likes")

        updates = ServiceUpdate.objects.order_by("pk")
        assert [(update.kind, update.at) for update in updates] == [
            (News.UP, after(1)),
            (News.OFF, after(2)),
            (News.ON, after(3)),
        ]

    def test_opens_what_was_paused_once_the_rate_pays(self) -> None:
        provider = cast.provider()
        (service,) = sell(provider)
        Service.objects.update(rate_locked=True)
        sync(provider, listing(rate="1.25"))

        changed = staff.change(service_id=service.pk, now=after(2), rate_e8=money.parse("1.25"))

        assert changed.visibility == Visibility.ENABLED
        assert Route.objects.get().closed_for == ""

    def test_refuses_a_rate_below_the_cost(self) -> None:
        (service,) = sell(cast.provider())

        with pytest.raises(staff.NotPaidFor, match="below its cost"):
            staff.change(service_id=service.pk, now=after(1), rate_e8=money.parse("0.99999"))

        assert rate(service) == "1.2"
        assert not service.rate_locked

    def test_refuses_to_open_what_nobody_fulfils(self) -> None:
        (service,) = sell(cast.provider())
        staff.change(service_id=service.pk, now=after(1), visibility=Visibility.HIDDEN)
        Route.objects.update(enabled=False)

        with pytest.raises(staff.NotPaidFor):
            staff.change(service_id=service.pk, now=after(2), visibility=Visibility.ENABLED)

        service.refresh_from_db()
        assert service.visibility == Visibility.HIDDEN

    def test_pauses_what_turns_out_to_have_no_route(self) -> None:
        (service,) = sell(cast.provider())
        Route.objects.update(enabled=False)

        changed = staff.change(service_id=service.pk, now=after(1), name="Likes")

        assert (changed.name, changed.visibility) == ("Likes", Visibility.PAUSED)

    def test_refuses_a_service_that_is_not_there(self) -> None:
        with pytest.raises(staff.UnknownService, match="no service 404"):
            staff.change(service_id=404, now=after(1), name="Likes")
