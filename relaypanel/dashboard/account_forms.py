"""allauth's forms in our words."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.forms import LoginForm, SignupForm
from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.utils.translation import gettext_lazy as _


class SignIn(LoginForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Username or e-mail")
        self.fields["login"].widget.attrs["autocomplete"] = "username"
        self.fields["password"].label = _("Password")
        # The page has the way to a new one below the form.
        self.fields["password"].help_text = ""
        _without_placeholders(self)


class SignUp(SignupForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Username")
        self.fields["username"].help_text = _("3 to 60 letters a–z, digits or any of _ . @ + -")
        self.fields["email"].label = _("E-mail")
        self.fields["password1"].label = _("Password")
        self.fields["password1"].help_text = _("At least 8 characters that are hard to guess.")
        _without_placeholders(self)


@contextmanager
def _read() -> Iterator[None]:
    """Refuse as a wrong code what cannot be read.

    allauth and its library do so where a value is wrong; where one is missing, or of another kind,
    they fail.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, struct.error):
        raise get_adapter().validation_error("incorrect_code") from None


class _Decoder(json.JSONDecoder):
    def decode(self, s: str, *args: Any) -> Any:
        """Raise json.JSONDecodeError as well where Python gives up."""
        try:
            return super().decode(s, *args)
        except (ValueError, RecursionError):
            # A number of more than 4,300 digits, or lists within lists a thousand times.
            raise json.JSONDecodeError("no JSON that we read", "", 0) from None


class _Passkey(forms.Form):
    """What a browser says of a passkey: JSON of which nobody knows who wrote it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        credential = self.fields["credential"]
        assert isinstance(credential, forms.JSONField)
        credential.decoder = _Decoder


class SecondPasskey(_Passkey, AuthenticateWebAuthnForm):  # type: ignore[misc]
    def clean_credential(self) -> Any:
        with _read():
            return super().clean_credential()


class SignInPasskey(SecondPasskey, LoginWebAuthnForm):  # type: ignore[misc]
    pass


class AgainPasskey(SecondPasskey, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class AddPasskey(_Passkey, AddWebAuthnForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")
        # What people expect of a passkey; a key that asks for a password as well is the exception.
        self.fields["passwordless"].initial = True
        self.fields["passwordless"].label = _("Sign in with it alone, without the password")
        self.fields["passwordless"].help_text = ""

    def clean(self) -> Any:
        with _read():
            return super().clean()


class RenamePasskey(EditWebAuthnForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")


def _without_placeholders(form: LoginForm | SignupForm) -> None:
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
