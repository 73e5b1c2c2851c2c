from __future__ import annotations

import pytest

from relaypanel.catalogue import favourites, search
from relaypanel.catalogue.models import Favourite, Visibility
from relaypanel.catalogue.search import Wanted
from tests import cast


def of(user_id: int) -> list[int]:
    page = search.page(wanted=Wanted(favourites=True), user_id=user_id)
    return [service.id for service in page.services]


@pytest.mark.django_db
class TestAdd:
    def test_keeps_it_for_this_user_alone(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        service = cast.service()

        for _ in range(2):
            favourites.add(user_id=alice.pk, service_id=service.pk)

        assert of(alice.pk) == [service.pk]
        assert of(bob.pk) == []

    @pytest.mark.parametrize("visibility", [None, Visibility.HIDDEN, Visibility.DISABLED])
    def test_refuses_what_is_not_for_sale(self, visibility: Visibility | None) -> None:
        user = cast.alice().user
        service_id = cast.service(visibility=visibility).pk if visibility else 999

        with pytest.raises(favourites.NotForSale):
            favourites.add(user_id=user.pk, service_id=service_id)

        assert not Favourite.objects.exists()


@pytest.mark.django_db
class TestRemove:
    def test_takes_it_from_this_user_alone(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        service = cast.service()
        for user in (alice, bob):
            favourites.add(user_id=user.pk, service_id=service.pk)

        for _ in range(2):
            favourites.remove(user_id=alice.pk, service_id=service.pk)

        assert of(alice.pk) == []
        assert of(bob.pk) == [service.pk]
