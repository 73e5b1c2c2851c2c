"""The forms that take a code of an authenticator app: each code opens once, wherever it is tried.

allauth marks a code as used for one period of 30 seconds.  With one period of tolerance to each
side it stays good for three, and whoever saw it typed could use it again in the other two.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.mfa import app_settings
from allauth.mfa.base.forms import AuthenticateForm, BaseAuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.exceptions import ValidationError

from relaypanel.accounts.models import SignInHow
from relaypanel.dashboard import security


def _use_up(form: BaseAuthenticateForm, code: str) -> None:
    """Raise what a wrong code raises, unless the code is tried for the first time."""
    if form.authenticator.type != Authenticator.Type.TOTP:
        return
    # allauth takes 123 456 and 123-456 too.
    name = f"code-used:{form.user.pk}:{''.join(filter(str.isdigit, code))}"
    good_for = app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 1)
    # `add` is one step for all processes: of twenty who bring the code at once, one gets in.
    if not cache.add(name, True, timeout=good_for):
        raise get_adapter().validation_error("incorrect_code")


class SignInCode(AuthenticateForm):  # type: ignore[misc]
    def clean_code(self) -> Any:
        try:
            code = super().clean_code()
            _use_up(self, code)
        except ValidationError:
            # Whoever came this far knows the password: the user should hear of it.
            how = SignInHow.CODE
            security.note(context.request, user_id=self.user.pk, how=how, succeeded=False)
            raise
        return code


class AgainCode(ReauthenticateForm):  # type: ignore[misc]
    def clean_code(self) -> Any:
        code = super().clean_code()
        _use_up(self, code)
        return code
