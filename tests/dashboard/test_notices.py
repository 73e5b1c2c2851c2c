from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts.models import User
from relaypanel.notices import choices, outbox
from relaypanel.notices.models import Channel, Kind, Notice
from tests import cast
from tests.cast import NOW
from tests.dashboard.browser import signed_in
from tests.notices.samples import SAMPLES

pytestmark = pytest.mark.django_db


def told(user: User, number: int = 1) -> None:
    news = [
        outbox.News(
            user_id=user.pk,
            kind=Kind.TICKET_ANSWERED,
            data=SAMPLES[Kind.TICKET_ANSWERED] | {"ticket": user.pk, "message": at},
        )
        for at in range(number)
    ]
    outbox.tell_all(news, now=NOW)


class TestPage:
    @pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.WEBHOOK_TEST])
    def test_shows_every_kind(self, kind: Kind) -> None:
        alice = cast.alice().user
        Notice.objects.create(user=alice, kind=kind, data=SAMPLES[kind], key="k", at=NOW)

        body = signed_in(alice).get("/notices").content.decode()

        assert "notice-unread" in body

    def test_shows_the_users_own_page_by_page(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        told(alice, 35)
        told(bob)
        client = signed_in(alice)
        first = client.get("/notices").content.decode()
        before = Notice.objects.filter(user=alice).order_by("-pk")[29].pk

        assert first.count("notice-unread") == 30
        assert f"?before={before}" in first
        with django_assert_num_queries(8):
            rest = client.get(f"/notices?before={before}").content.decode()
        assert rest.count("notice-unread") == 5

    def test_marks_all_as_read(self) -> None:
        alice = cast.alice().user
        told(alice, 2)
        client = signed_in(alice)
        assert '<i class="dot">' in client.get("/notices").content.decode()

        client.post("/notices/read")

        body = client.get("/notices").content.decode()
        assert "notice-unread" not in body
        assert '<i class="dot">' not in body


class TestChoose:
    def test_keeps_what_is_ticked(self) -> None:
        alice = cast.alice().user
        client = signed_in(alice)
        assert "An order is completed" in client.get("/settings/notices").content.decode()

        client.post(
            "/settings/notices", {"way": ["order_completed:mail", "nothing:page", "low_balance:x"]}
        )

        assert choices.wanted(alice.pk) == {(Kind.ORDER_COMPLETED, Channel.MAIL)}
