from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.catalogue import history
from relaypanel.catalogue.models import News, Service, ServiceUpdate, Visibility
from tests import cast

pytestmark = pytest.mark.django_db


class TestRecord:
    @pytest.mark.parametrize(
        ("was_on", "is_on", "before_e8", "after_e8", "kind"),
        [
            (True, True, 1, 2, News.UP),
            (True, True, 2, 1, News.DOWN),
            (False, True, 1, 2, News.ON),
            (True, False, 1, 1, News.OFF),
            (True, True, 1, 1, None),
            (False, False, 1, 2, None),
        ],
    )
    def test_keeps_what_customers_see(
        self, was_on: bool, is_on: bool, before_e8: int, after_e8: int, kind: News | None
    ) -> None:
        change = history.Change(
            service_id=cast.service().pk,
            was_on=was_on,
            is_on=is_on,
            rate_before_e8=before_e8,
            rate_e8=after_e8,
        )

        history.record([change], now=cast.NOW)

        moved_e8 = before_e8 if kind in (News.UP, News.DOWN) else None
        kept = ServiceUpdate.objects.values_list("kind", "rate_before_e8", "rate_e8", "at")
        assert list(kept) == ([(kind, moved_e8, after_e8, cast.NOW)] if kind else [])


class TestPage:
    def test_turns_from_the_latest_to_the_first(self) -> None:
        services = [cast.service(rate=str(number)) for number in range(1, 6)]
        history.announce(services, now=cast.NOW)

        pages, before_id = [], None
        for _ in range(3):
            page = history.page(before_id=before_id, limit=2)
            pages.append([money.text(update.rate_e8) for update in page.updates])
            before_id = page.before_id

        assert pages == [["5", "4"], ["3", "2"], ["1"]]
        assert before_id is None

    def test_ends_where_the_last_update_is(self) -> None:
        history.announce([cast.service(), cast.service()], now=cast.NOW)

        assert history.page(limit=2).before_id is None

    def test_is_empty_in_a_new_shop(self) -> None:
        assert history.page() == history.Page(updates=[], before_id=None)

    def test_tells_of_one_service_alone(self) -> None:
        one, two = cast.service(), cast.service()
        history.announce([one, two], now=cast.NOW)

        assert [update.service for update in history.page(service_id=one.pk).updates] == [one]

    def test_tells_nothing_of_what_staff_hide(self) -> None:
        shown, hidden = cast.service(), cast.service()
        history.announce([shown, hidden], now=cast.NOW)
        Service.objects.filter(pk=hidden.pk).update(visibility=Visibility.HIDDEN)

        assert [update.service for update in history.page().updates] == [shown]

    def test_costs_one_query(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        history.announce([cast.service() for _ in range(5)], now=cast.NOW)

        with django_assert_num_queries(1):
            names = {update.service.category.name for update in history.page().updates}

        assert names == {"FB Like 👍"}
