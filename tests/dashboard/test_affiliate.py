from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts.models import User
from relaypanel.payments import affiliates, topup
from relaypanel.payments.models import Basis, Referral
from tests import cast
from tests.cast import NOW
from tests.dashboard.browser import signed_in
from tests.payments import till

pytestmark = pytest.mark.django_db


class TestPage:
    def test_shows_the_link_and_what_it_has_brought(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        affiliates.set_terms(is_on=True, basis=Basis.DEPOSITS, share_bp=550, now=NOW)
        code = affiliates.figures(alice.pk).code
        affiliates.refer(user_id=bob.pk, code=code, now=NOW)
        topup.confirm(topup_id=till.requested(bob).pk, by=topup.GATEWAY, now=NOW)
        client = signed_in(alice)
        client.get("/settings/affiliate")

        with django_assert_num_queries(12):
            body = client.get("/settings/affiliate").content.decode()

        assert f"http://testserver/r/{code}" in body
        assert "You get 5.5%" in body
        assert "+$2.75" in body

    @pytest.mark.parametrize(
        ("basis", "is_on", "words"),
        [
            (Basis.SPENDING, True, "of what people spend"),
            (Basis.SPENDING, False, "Nothing is paid"),
        ],
    )
    def test_says_what_the_terms_are(self, basis: Basis, is_on: bool, words: str) -> None:
        affiliates.set_terms(is_on=is_on, basis=basis, share_bp=500, now=NOW)

        body = signed_in(cast.alice().user).get("/settings/affiliate").content.decode()

        assert words in body


class TestReferred:
    def test_is_remembered_until_the_visitor_signs_up(self, client: Client) -> None:
        alice = cast.alice().user
        code = affiliates.figures(alice.pk).code

        answer = client.get(f"/r/{code}")
        client.post(
            "/account/signup/",
            {"username": "dave", "email": "dave@example.com", "password1": "correct horse 7"},
        )

        assert answer["Location"] == "/"
        dave = User.objects.get(username="dave")
        assert Referral.objects.get().user_id == dave.pk
        assert affiliates.figures(alice.pk).visits == 1

    def test_is_nothing_for_an_unknown_link_or_who_is_here_already(self, client: Client) -> None:
        alice = cast.alice().user
        code = affiliates.figures(alice.pk).code

        assert "ref" not in client.get("/r/nobody").cookies
        assert "ref" not in signed_in(alice).get(f"/r/{code}").cookies
        assert affiliates.figures(alice.pk).visits == 0
