"""How django-allauth works here: who may sign up, whose address counts, and what is encrypted."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from relaypanel import clock, vault
from relaypanel.accounts import address, sign_ins, users
from relaypanel.accounts.models import Role, SignInHow, User
from relaypanel.dashboard import affiliate, alerts, refusals, security
from relaypanel.ledger import members
from relaypanel.payments import affiliates
from relaypanel.storefront import profile


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002  allauth's signature
        return profile.shown().sign_up_is_open

    def is_safe_url(self, url: str) -> bool:
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            # The host of "http://[::1" cannot even be read.
            return False

    def clean_username(self, username: str, shallow: bool = False) -> str:
        try:
            users.check_username(username)
        except users.BadUsername as refused:
            raise ValidationError(refusals.words(refused)) from None
        return str(super().clean_username(username, shallow))

    def save_user(
        self,
        request: HttpRequest,
        user: User,
        form: BaseForm,
        commit: bool = True,  # noqa: ARG002  allauth's signature
    ) -> User:
        """Write who has signed up, with account and key.  Nobody becomes staff this way."""
        now = clock.now()
        user = super().save_user(request, user, form, commit=False)
        user.joined_at = now
        try:
            with transaction.atomic():
                members.equip(users.insert(user), now=now)
                code = request.COOKIES.get(affiliate.COOKIE, "")
                affiliates.refer(user_id=user.pk, code=code, now=now)
        except (users.UsernameTaken, users.EmailTaken) as refused:
            # The form found it free a moment ago.
            messages.error(request, refusals.words(refused))
            raise ImmediateHttpResponse(redirect("account_signup")) from refused
        return user

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Staff begin at the desk; whoever asked for a page gets that one."""
        assert isinstance(request.user, User)
        is_staff = request.user.role != Role.CUSTOMER
        return reverse("staff:home") if is_staff else str(super().get_login_redirect_url(request))

    def post_login(self, request: HttpRequest, user: User, **options: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **options)
        user_agent = request.META.get("HTTP_USER_AGENT", "")
        if sign_ins.is_from_a_new_device(user_id=user.pk, user_agent=user_agent):
            alerts.signed_in(request, user)
        security.note(request, user_id=user.pk, how=_how(request, user), succeeded=True)
        return response

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Tell whoever was meant; of a name that nobody has there is nobody to tell."""
        login = credentials.get("username") or credentials.get("email") or ""
        user = sign_ins.meant(login)
        if user is not None:
            security.note(request, user_id=user.pk, how=SignInHow.PASSWORD, succeeded=False)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that limits count by: never what a caller invents in a header."""
        found = address.client_address(
            request.META.get("REMOTE_ADDR", ""),
            request.META.get("HTTP_X_FORWARDED_FOR", ""),
            settings.TRUSTED_PROXIES,
        )
        if found is None:
            raise PermissionDenied
        return found


def _how(request: HttpRequest, user: User) -> SignInHow:
    """Return the way that this session was opened."""
    records = [one for one in get_authentication_records(request, user) if one["method"] == "mfa"]
    if not records:
        return SignInHow.PASSWORD
    is_passkey = records[-1].get("type") == Authenticator.Type.WEBAUTHN
    return SignInHow.PASSKEY if is_passkey else SignInHow.CODE


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Seeds of authenticator apps and recovery codes stand in the database encrypted."""

    def encrypt(self, text: str) -> str:
        return vault.seal(text, place="mfa")

    def decrypt(self, encrypted_text: str) -> str:
        return vault.unseal(encrypted_text, place="mfa")
