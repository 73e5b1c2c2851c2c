from __future__ import annotations

from ipaddress import ip_network

import pytest
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import Form
from django.test import Client, RequestFactory
from django.utils import translation
from pytest_django import Settings

from relaypanel import vault
from relaypanel.accounts.models import ApiKey, Role, User
from relaypanel.dashboard.adapters import AccountAdapter, MFAAdapter
from relaypanel.ledger import book
from tests import cast
from tests.dashboard.browser import PASSWORD, with_password

FORM = {"username": "Dung", "email": "dung@example.com", "password1": "a-rare-Passw0rd"}


@pytest.mark.django_db
class TestSignUp:
    def test_makes_a_customer_with_account_and_key(self, client: Client) -> None:
        response = client.post("/account/signup/", FORM)

        user = User.objects.get(username="Dung")
        assert response.headers["Location"] == "/dashboard"
        assert user.role == Role.CUSTOMER
        assert book.balance(user_id=user.pk) == 0
        assert ApiKey.objects.filter(user=user, revoked_at=None).count() == 1

    def test_makes_nobody_staff(self, client: Client) -> None:
        client.post("/account/signup/", FORM | {"role": "owner", "is_active": "1"})

        assert User.objects.get(username="Dung").role == Role.CUSTOMER

    @pytest.mark.parametrize(
        "wrong",
        [
            {"username": "аlice"},  # its first letter is Cyrillic
            {"username": "ab"},
            {"email": "no-address"},
            {"password1": "password"},
        ],
    )
    def test_says_what_is_wrong_and_makes_nobody(
        self, client: Client, wrong: dict[str, str]
    ) -> None:
        response = client.post("/account/signup/", FORM | wrong)

        assert response.status_code == 200
        assert b'aria-invalid="true"' in response.content
        assert not User.objects.exists()

    def test_takes_no_name_that_differs_by_case_alone(self, client: Client) -> None:
        cast.alice()

        client.post("/account/signup/", FORM | {"username": "ALICE"})

        assert User.objects.count() == 1

    def test_that_loses_the_race_for_a_name_says_so(self, client: Client) -> None:
        # The form looked before the other one was there.
        request = client.get("/account/signup/").wsgi_request
        form = Form()
        form.cleaned_data = {"username": "alice", "email": "", "password1": FORM["password1"]}
        cast.alice()

        with pytest.raises(ImmediateHttpResponse) as caught:
            AccountAdapter().save_user(request, User(), form)

        assert caught.value.response.headers["Location"] == "/account/signup/"
        assert ["taken" in str(message) for message in get_messages(request)] == [True]


@pytest.mark.django_db
class TestIsSafeUrl:
    @pytest.mark.parametrize("address", ["http://[::1", "https://evil.example"])
    def test_leads_nobody_who_signs_in_elsewhere(self, address: str) -> None:
        assert _led_to(address) == "/dashboard"

    def test_leads_to_a_page_of_ours(self) -> None:
        assert _led_to("/orders?state=pending") == "/orders?state=pending"


class TestCleanUsername:
    def test_refuses_in_the_readers_language(self) -> None:
        with (
            translation.override("vi"),
            pytest.raises(ValidationError, match="Tên đăng nhập gồm 3 đến 60"),
        ):
            AccountAdapter().clean_username("a b c")


class TestGetClientIp:
    def test_believes_no_header_of_a_stranger(self, rf: RequestFactory) -> None:
        request = rf.get("/", REMOTE_ADDR="203.0.113.7", HTTP_X_FORWARDED_FOR="198.51.100.1")

        assert AccountAdapter().get_client_ip(request) == "203.0.113.7"

    def test_asks_our_own_proxy(self, rf: RequestFactory, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = [ip_network("127.0.0.1/32")]
        request = rf.get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.1")

        assert AccountAdapter().get_client_ip(request) == "198.51.100.1"

    def test_lets_nobody_in_without_an_address(self, rf: RequestFactory) -> None:
        with pytest.raises(PermissionDenied):
            AccountAdapter().get_client_ip(rf.get("/", REMOTE_ADDR=""))


class TestMFAAdapter:
    def test_seals_secrets_for_their_place(self) -> None:
        sealed = MFAAdapter().encrypt("JBSWY3DPEHPK3PXP")

        assert "JBSWY3DPEHPK3PXP" not in sealed
        assert MFAAdapter().decrypt(sealed) == "JBSWY3DPEHPK3PXP"
        with pytest.raises(vault.Unreadable):
            vault.unseal(sealed, place="elsewhere")


def _led_to(address: str) -> str:
    """Return where who signs in is led from the page that was to lead them to this address."""
    alice, client = with_password(cast.alice().user), Client()
    told = {"login": alice.username, "password": PASSWORD, "next": address}
    assert client.get("/account/login/", {"next": address}).status_code == 200
    return client.post("/account/login/", told)["Location"]
