from __future__ import annotations

import pytest

from relaypanel.accounts import profile
from relaypanel.accounts.models import Theme, User
from relaypanel.accounts.profile import Profile
from tests import cast


class TestTimeZones:
    def test_are_those_that_people_live_in(self) -> None:
        zones = profile.time_zones()

        assert {"UTC", "Asia/Ho_Chi_Minh", "Europe/Berlin"} <= set(zones)
        assert not {"GMT+0", "Etc/GMT+1", "localtime"} & set(zones)


@pytest.mark.django_db
class TestSave:
    def test_keeps_it_all(self) -> None:
        alice = cast.alice().user

        profile.save(
            user_id=alice.pk,
            profile=Profile(
                display_name="Minh Anh",
                language="vi",
                time_zone="Asia/Ho_Chi_Minh",
                theme=Theme.DARK,
                second_currency="VND",
            ),
        )

        kept = User.objects.get(pk=alice.pk)
        assert (kept.display_name, kept.language, kept.time_zone) == (
            "Minh Anh",
            "vi",
            "Asia/Ho_Chi_Minh",
        )
        assert (kept.theme, kept.second_currency) == ("dark", "VND")
