from __future__ import annotations

import pytest

from relaypanel.notices import inbox, outbox
from relaypanel.notices.models import Kind, Notice
from tests import cast
from tests.cast import NOW
from tests.notices.samples import SAMPLES

pytestmark = pytest.mark.django_db


def told(user_id: int, number: int) -> None:
    for at in range(number):
        data = SAMPLES[Kind.TICKET_ANSWERED] | {"message": at, "ticket": user_id}
        outbox.tell(user_id=user_id, kind=Kind.TICKET_ANSWERED, data=data, now=NOW)


class TestInbox:
    def test_holds_the_users_own_newest_first(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        told(alice.pk, 3)
        told(bob.pk, 1)

        first = inbox.page(alice.pk, limit=2)
        rest = inbox.page(alice.pk, before=first[-1].pk, limit=2)

        assert [one.data["message"] for one in (*first, *rest)] == [2, 1, 0]

    def test_counts_what_is_unread(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        told(alice.pk, 3)
        told(bob.pk, 1)
        assert inbox.unread(alice.pk) == 3

        assert inbox.read_all(alice.pk, now=NOW) == 3

        assert (inbox.unread(alice.pk), inbox.unread(bob.pk)) == (0, 1)
        assert inbox.read_all(alice.pk, now=NOW) == 0

    def test_leaves_out_what_is_not_listed(self) -> None:
        alice = cast.alice().user
        told(alice.pk, 1)
        Notice.objects.update(is_listed=False)

        assert inbox.page(alice.pk, limit=9) == []
        assert inbox.unread(alice.pk) == 0
