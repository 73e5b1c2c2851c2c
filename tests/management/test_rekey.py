from __future__ import annotations

import ast
from io import StringIO

import pytest
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet
from django.conf import settings as current
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from pytest_django import Settings

from relaypanel import vault
from relaypanel.accounts import keys
from relaypanel.accounts.models import ApiKey
from relaypanel.management.commands import rekey
from relaypanel.providers import registry
from relaypanel.providers.models import Provider
from tests import cast, tidy

NEW = Fernet.generate_key().decode()


def run() -> str:
    out = StringIO()
    call_command("rekey", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
class TestRekey:
    def test_lets_the_old_key_go(self, settings: Settings) -> None:
        alice, provider = cast.alice(), cast.provider()
        with context.request_context(RequestFactory().get("/")):
            TOTP.activate(alice.user, "JBSWY3DPEHPK3PXP")
            codes = RecoveryCodes.activate(alice.user).get_unused_codes()
        settings.FIELD_KEYS = [NEW, *current.FIELD_KEYS]

        said = run()

        settings.FIELD_KEYS = [NEW]
        assert "accounts.ApiKey.key_encrypted: 1 sealed anew" in said
        assert keys.reveal(alice.user) == alice.api_key
        assert registry.endpoint(Provider.objects.get()).key == "its-key"
        totp = Authenticator.objects.get(type=Authenticator.Type.TOTP)
        assert vault.unseal(totp.data["secret"], place="mfa") == "JBSWY3DPEHPK3PXP"
        kept = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES)
        assert kept.wrap().get_unused_codes() == codes
        assert provider.pk

    def test_changes_nothing_the_second_time(self, settings: Settings) -> None:
        cast.alice()
        settings.FIELD_KEYS = [NEW, *current.FIELD_KEYS]
        run()
        before = ApiKey.objects.get().key_encrypted

        assert "accounts.ApiKey.key_encrypted: 0 sealed anew" in run()
        assert ApiKey.objects.get().key_encrypted == before

    def test_names_what_opens_with_none_of_the_keys(self, settings: Settings) -> None:
        cast.alice()
        settings.FIELD_KEYS = [NEW]

        with pytest.raises(CommandError, match=r"keep every key.*accounts\.ApiKey"):
            run()


class TestColumns:
    def test_hold_the_known_ones(self) -> None:
        found = {f"{model._meta.label}.{column}" for model, column in rekey.columns()}

        assert {
            "accounts.ApiKey.key_encrypted",
            "providers.Provider.key_encrypted",
            "mfa.Authenticator.data",
        } <= found

    def test_hold_whatever_is_sealed(self) -> None:
        """Each sealed text goes into a column that rekey finds by its name."""
        strays = [
            f"{source.path}: {name}"
            for source in tidy.sources()
            if source.is_ours
            and source.path.endswith(".py")
            and not source.path.endswith(("vault.py", "adapters.py"))
            for name in targets(source.text)
            if not name.endswith(rekey.SUFFIXES)
        ]

        assert strays == []

    def test_are_not_held_when_they_are_named_otherwise(self) -> None:
        """The twin: a column that rekey would miss."""
        assert targets("row.token = vault.seal(token, place='x')") == ["token"]
        assert targets("save(vault.seal(token, place='x'))") == ["?"]


def targets(text: str) -> list[str]:
    """Return where each sealed text in a module goes; "?": nobody can tell."""
    tree = ast.parse(text)
    named = dict[ast.AST, str]()
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg=str(name), value=value):
                named[value] = name
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=value):
                named[value] = name
            case ast.Dict(keys=names, values=values):
                named |= {
                    value: str(key.value)
                    for key, value in zip(names, values, strict=True)
                    if isinstance(key, ast.Constant)
                }
    return [
        named.get(node, "?")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "vault.seal"
    ]
