"""How django-allauth works here: who may sign up, whose address counts, and what is encrypted."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from relaypanel import clock, vault
from relaypanel.accounts import address, users
from relaypanel.accounts.models import Role, User
from relaypanel.ledger import members


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def clean_username(self, username: str, shallow: bool = False) -> str:
        try:
            users.check_username(username)
        except users.BadUsername as refused:
            raise ValidationError(str(refused)) from None
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
        except (users.UsernameTaken, users.EmailTaken) as refused:
            # The form found it free a moment ago.
            messages.error(request, _("Somebody has just taken this name. Choose another one."))
            raise ImmediateHttpResponse(redirect("account_signup")) from refused
        return user

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Staff begin at the desk; whoever asked for a page gets that one."""
        assert isinstance(request.user, User)
        is_staff = request.user.role != Role.CUSTOMER
        return reverse("staff:home") if is_staff else str(super().get_login_redirect_url(request))

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


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Seeds of authenticator apps and recovery codes stand in the database encrypted."""

    def encrypt(self, text: str) -> str:
        return vault.seal(text, place="mfa")

    def decrypt(self, encrypted_text: str) -> str:
        return vault.unseal(encrypted_text, place="mfa")
