from __future__ import annotations

import pytest

from relaypanel.notices import choices
from relaypanel.notices.kinds import CHOOSABLE, KINDS
from relaypanel.notices.models import Channel, Choice, Kind
from tests import cast

pytestmark = pytest.mark.django_db


class TestChoices:
    def test_are_the_defaults_until_the_user_says_otherwise(self) -> None:
        alice = cast.alice().user

        wanted = choices.wanted(alice.pk)

        assert wanted == {(kind, way) for kind in CHOOSABLE for way in KINDS[kind].channels}
        choices.save(user_id=alice.pk, wanted=wanted)
        assert not Choice.objects.exists()

    def test_are_what_the_user_said_last(self) -> None:
        alice = cast.alice().user
        cast.bob()
        first = {(Kind.ORDER_COMPLETED, Channel.MAIL)}
        second = {(Kind.ORDER_COMPLETED, Channel.PAGE), (Kind.LOW_BALANCE, Channel.MAIL)}

        for wanted in (first, second):
            choices.save(user_id=alice.pk, wanted=wanted)
            assert choices.wanted(alice.pk) == wanted
