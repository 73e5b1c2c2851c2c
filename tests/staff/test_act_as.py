from __future__ import annotations

import pytest
from django.test import Client

from relaypanel.accounts.models import AuditEntry, Role, User
from relaypanel.staff import act_as
from tests import cast
from tests.staff import people

pytestmark = pytest.mark.django_db

PAGE = "/api"


@pytest.fixture
def alice() -> User:
    return cast.alice().user


@pytest.fixture
def client(alice: User) -> Client:
    client = people.reauthenticated(people.owner())
    assert client.post(f"/staff/users/{alice.pk}/act-as")["Location"] == "/dashboard"
    return client


class TestActAs:
    def test_draws_the_shop_for_the_customer_with_a_banner(
        self, client: Client, alice: User
    ) -> None:
        reply = client.get(PAGE)

        assert reply.context["user"] == alice
        assert "You see the shop as alice does" in reply.content.decode()
        entry = AuditEntry.objects.get(act="user.act_as")
        assert (entry.subject_id, entry.user and entry.user.username) == (str(alice.pk), "dora")

    def test_lets_nothing_be_sent(self, client: Client) -> None:
        for path in ("/api/key", "/api/key/new", "/api/try", "/language", "/no-such-page"):
            assert client.post(path, {"language": "vi"}).status_code == 403, path

    def test_hides_what_is_theirs_alone(self, client: Client) -> None:
        for path in ("/account/2fa/", "/account/2fa/totp/activate/", "/account/password/change/"):
            assert client.get(path).status_code == 403, path

    def test_leaves_the_desk_as_it_is(self, client: Client) -> None:
        assert client.get("/staff/users").context["user"].username == "dora"

    def test_ends_with_a_click(self, client: Client, alice: User) -> None:
        assert client.post("/staff/act-as/end")["Location"] == f"/staff/users/{alice.pk}"

        assert client.get(PAGE).context["user"].username == "dora"
        assert client.post("/staff/act-as/end")["Location"] == "/staff"

    def test_ends_with_its_time(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(act_as, "SECONDS_MAX", -1)

        assert client.get(PAGE).context["user"].username == "dora"

    def test_ends_with_the_right(self, client: Client) -> None:
        User.objects.filter(username="dora").update(role=Role.CUSTOMER)

        assert client.get(PAGE).context["user"].username == "dora"

    def test_is_of_customers_alone(self, client: Client) -> None:
        carol = cast.carol().user

        assert client.post(f"/staff/users/{carol.pk}/act-as").status_code == 404
        assert client.post("/staff/users/987/act-as").status_code == 404
