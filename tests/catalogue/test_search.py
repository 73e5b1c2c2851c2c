from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.catalogue import favourites, search
from relaypanel.catalogue.models import (
    Category,
    Discount,
    Platform,
    Service,
    UserRate,
    Visibility,
)
from relaypanel.catalogue.search import Wanted
from relaypanel.contract import OrderType
from tests import cast


def service(name: str, *, platform: str = "Facebook", category: str = "Like", **more: Any) -> int:
    shelf, _ = Platform.objects.get_or_create(name=platform)
    board, _ = Category.objects.get_or_create(platform=shelf, name=category)
    made = cast.service(name=name, **more)
    Service.objects.filter(pk=made.pk).update(category=board)
    return made.pk


def ids(user: User | None = None, **wanted: Any) -> list[int]:
    user_id = user.pk if user else None
    page = search.page(wanted=Wanted(**wanted), user_id=user_id)
    assert search.count(wanted=Wanted(**wanted), user_id=user_id) == len(page.services)
    return [found.id for found in page.services]


@pytest.mark.django_db
class TestText:
    @pytest.mark.parametrize(
        "text",
        ["cam xuc viet", "CẢM XÚC", "xuc cam", "Cảm", "like cam", "facebook viet", "  ", "𝗰𝗮𝗺"],
    )
    def test_finds_words_with_and_without_accents_in_any_order(self, text: str) -> None:
        wanted = service("Cảm xúc 👍 Việt 🇻🇳")

        assert ids(text=text) == [wanted]

    @pytest.mark.parametrize("text", ["tim", "cam tim", "%", "_", "\\", "cảm\0xúc x"])
    def test_finds_nothing_else(self, text: str) -> None:
        service("Cảm xúc 👍 Việt 🇻🇳")

        assert ids(text=text) == []

    @pytest.mark.parametrize("mark", ["", "#"])
    def test_finds_an_id_first(self, mark: str) -> None:
        wanted = service("Zzz", platform="Zalo")
        other = service(f"Gói {wanted}")

        assert ids(text=f"{mark}{wanted}") == ([wanted] if mark else [wanted, other])

    @given(text=st.text(max_size=300))
    @pytest.mark.django_db(transaction=False)
    def test_takes_whatever_is_typed(self, text: str) -> None:
        search.page(wanted=Wanted(text=text), user_id=None)


@pytest.mark.django_db
class TestFilters:
    def test_narrow_by_shelf_and_by_what_a_service_can_do(self) -> None:
        plain = service("a")
        able = service("b", refill_days=30, cancel=True, dripfeed=True, type=OrderType.POLL)
        elsewhere = service("c", platform="TikTok", category="Tim")
        board = Category.objects.get(name="Tim")

        assert ids(platform_id=board.platform_id) == ids(category_id=board.pk) == [elsewhere]
        assert ids(type=OrderType.POLL) == [able]
        assert ids(refill=True) == ids(cancel=True) == ids(dripfeed=True) == [able]
        assert ids(text="a b c d e", platform_id=board.platform_id) == []
        assert ids() == [plain, able, elsewhere]

    @pytest.mark.parametrize(
        "wanted", [{"platform_id": 2**70}, {"category_id": 2**70}, {"type": OrderType.POLL}]
    )
    def test_of_what_cannot_be_find_nothing(self, wanted: dict[str, Any]) -> None:
        service("a")

        assert ids(**wanted) == []

    def test_by_favourites_are_the_readers(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        liked = service("a")
        service("b")
        favourites.add(user_id=alice.pk, service_id=liked)

        assert ids(alice, favourites=True) == [liked]
        assert ids(bob, favourites=True) == []
        assert ids(None, favourites=True) == []

    @pytest.mark.parametrize("visibility", set(Visibility) - {Visibility.ENABLED})
    def test_never_find_what_is_not_for_sale(self, visibility: Visibility) -> None:
        hidden = service("a", visibility=visibility)

        assert ids(text="a") == ids(text=str(hidden)) == []
        assert search.one(service_id=hidden, user_id=None) is None


@pytest.mark.django_db
class TestPage:
    def test_goes_through_all_once_in_the_catalogues_order(self) -> None:
        made = [service(f"{n}", position=n % 3, category=f"{n % 2}") for n in range(11)]
        first_category = list(range(0, 11, 2))
        order = sorted(first_category, key=lambda n: (n % 3, n))
        order += sorted(set(range(11)) - set(first_category), key=lambda n: (n % 3, n))

        seen, after = [], None
        while True:
            page = search.page(wanted=Wanted(), user_id=None, after=after, limit=3)
            seen += [found.id for found in page.services]
            after = page.after
            if after is None:
                break

        assert seen == [made[n] for n in order]

    def test_that_is_just_full_is_the_last(self) -> None:
        service("a")

        assert search.page(wanted=Wanted(), user_id=None, limit=1).after is None

    @pytest.mark.parametrize("after", [0, 999, 2**70])
    def test_behind_nothing_is_empty(self, after: int) -> None:
        service("a")

        assert search.page(wanted=Wanted(), user_id=None, after=after).services == []

    def test_shows_the_rate_that_this_user_pays(self) -> None:
        user = cast.alice().user
        discounted, agreed = service("a", rate="2"), service("b", rate="2")
        Discount.objects.create(user=user, percent_e2=1_000)
        UserRate.objects.create(user=user, service_id=agreed, rate_e8=money.parse("0.5"))

        own = {f.id: f.rate_e8 for f in search.page(wanted=Wanted(), user_id=user.pk).services}

        assert own == {discounted: money.parse("1.8"), agreed: money.parse("0.5")}
        one = search.one(service_id=agreed, user_id=None)
        assert one is not None
        assert one.rate_e8 == money.parse("2")

    def test_costs_the_same_for_any_number_of_services(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        user = cast.alice().user
        for number in range(20):
            service(f"{number}")

        # Their order, the services, agreed rates, the discount, and favourites.
        with django_assert_num_queries(5):
            search.page(wanted=Wanted(text="like"), user_id=user.pk)


@pytest.mark.django_db
class TestShelves:
    def test_are_those_with_something_for_sale(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        service("a")
        service("b", category="Theo dõi")
        service("c", platform="TikTok", visibility=Visibility.DISABLED)

        with django_assert_num_queries(4):
            [shelf] = search.stock().shelves

        with django_assert_num_queries(1):
            assert search.stock().count == 2
        assert shelf.platform == "Facebook"
        assert [name for _, name in shelf.categories] == ["Like", "Theo dõi"]


@pytest.mark.django_db
class TestTypes:
    def test_are_those_on_sale(self) -> None:
        service("a")
        service("b")
        service("c", type=OrderType.POLL, visibility=Visibility.HIDDEN)

        assert search.stock().types == ["Default"]
