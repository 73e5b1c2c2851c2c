"""The panels upstream that we know: added, stopped, and opened for a call."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, TypedDict, Unpack
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction

from relaypanel import errors, vault
from relaypanel.providers.models import Provider

URL_CHARACTERS_MAX: Final = 300
# A person waits for the answer.
_TRIAL_SECONDS: Final = 20

# ASCII that JSON writes as it is, so that a key can be found and masked in what comes back.
_KEY = re.compile(r"[!#-\[\]-~]{6,200}", re.ASCII)
# Judged here by stricter rules, or not yet filled.
_NOT_JUDGED = {"url", "key_encrypted", "currency", "balance_e8", "balance_at", "paused_until"}
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class Declared(TypedDict, total=False):
    """What only its owner can know of a panel; models.Provider tells what each one means."""

    speaks_client_ref: bool
    brackets_ids: bool
    key_is_exclusive: bool


class Dialect(Declared, total=False):
    """What a panel does its own way; models.Provider tells what each one means."""

    deadline_ms: int
    concurrency: int
    status_batch: int
    poll_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where and how to call one provider."""

    provider_id: int
    url: str
    key: str = field(repr=False)
    deadline_seconds: float
    status_batch: int
    speaks_client_ref: bool
    currency: str = "USD"


class BadUrl(errors.Refused):
    code = "bad_url"

    def __init__(self) -> None:
        super().__init__(
            "That is not an address of an API: write the whole of it, like "
            "https://panel.example/api/v2, without a name or password in it."
        )


class BadKey(errors.Refused):
    code = "bad_key"

    def __init__(self) -> None:
        super().__init__("That is not an API key: copy it as the provider shows it.")


class BadSettings(errors.Refused):
    code = "bad_settings"

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(f"The provider was not saved.  {words}")


class UnknownProvider(errors.Refused):
    code = "unknown_provider"

    def __init__(self, *, name: str) -> None:
        self.name = name
        super().__init__(f"There is no provider called {name}.")


def add(
    *, name: str, url: str, key: str, currency: str = "USD", **dialect: Unpack[Dialect]
) -> Provider:
    """Return the new provider, its key sealed.  Raises BadUrl, BadKey and BadSettings."""
    if not _is_url(url):
        raise BadUrl
    if not _KEY.fullmatch(key):
        raise BadKey
    provider = Provider(name=name.strip(), url=url, currency=currency, **dialect)
    _check(provider)
    with transaction.atomic():
        provider.save()
        set_key(provider, key)
    return provider


def set_key(provider: Provider, key: str) -> None:
    """Seal another key for a provider.  Raises BadKey."""
    if not _KEY.fullmatch(key):
        raise BadKey
    provider.key_encrypted = vault.seal(key, place=_place(provider))
    provider.save(update_fields=["key_encrypted"])


def change(provider: Provider, *, name: str, url: str, **dialect: Unpack[Dialect]) -> None:
    """Give a provider another name, address or dialect.  Raises BadUrl and BadSettings.

    Its key is sent to the new address from the next call on.
    """
    if not _is_url(url):
        raise BadUrl
    provider.name, provider.url = name.strip(), url
    for column, value in dialect.items():
        setattr(provider, column, value)
    _check(provider)
    provider.save(update_fields=["name", "url", *dialect])


def declare(provider: Provider, **declared: Unpack[Declared]) -> None:
    """Keep what its owner says of a provider; what is not named stays as it is."""
    for name, value in declared.items():
        setattr(provider, name, value)
    provider.save(update_fields=list(declared))


def trial(*, url: str, key: str, currency: str) -> Endpoint:
    """Return what a call needs to a panel that is not added yet.  Raises BadUrl and BadKey."""
    if not _is_url(url):
        raise BadUrl
    if not _KEY.fullmatch(key):
        raise BadKey
    return Endpoint(
        provider_id=0,
        url=url,
        key=key,
        deadline_seconds=_TRIAL_SECONDS,
        status_batch=1,
        speaks_client_ref=False,
        currency=currency,
    )


def endpoint(provider: Provider) -> Endpoint:
    """Return what a call needs, the key opened.  Raises ProviderError."""
    try:
        key = vault.unseal(provider.key_encrypted, place=_place(provider))
    except vault.Unreadable:
        raise errors.ProviderError(
            f"The key of {provider.name} was sealed under a key that FIELD_KEYS no longer names."
        ) from None
    return Endpoint(
        provider_id=provider.pk,
        url=provider.url,
        key=key,
        deadline_seconds=provider.deadline_ms / 1000,
        status_batch=provider.status_batch,
        speaks_client_ref=provider.speaks_client_ref,
        currency=provider.currency,
    )


def named(name: str) -> Provider:
    """Return a provider by its name.  Raises UnknownProvider."""
    provider = Provider.objects.filter(name=name).first()
    if provider is None:
        raise UnknownProvider(name=name)
    return provider


def pause(provider: Provider) -> None:
    """Call it no more until it is resumed."""
    provider.enabled = False
    provider.save(update_fields=["enabled"])


def resume(provider: Provider) -> None:
    """Call it again, whatever it was that stopped it."""
    provider.enabled = True
    provider.paused_for, provider.paused_until, provider.unclear_in_a_row = "", None, 0
    provider.save(
        update_fields=["enabled", "paused_for", "paused_until", "unclear_in_a_row"],
    )


def _is_url(url: str) -> bool:
    if len(url) > URL_CHARACTERS_MAX or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it is read only now, and raises
    except ValueError:
        return False
    is_plain = "@" not in parts.netloc and not parts.fragment
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain


def _check(provider: Provider) -> None:
    if not provider.name.isprintable():
        raise BadSettings("Its name holds signs that cannot be shown.")
    if not _CURRENCY.fullmatch(provider.currency):
        raise BadSettings("Write the three capital letters of its currency, like USD or VND.")
    try:
        provider.full_clean(exclude=_NOT_JUDGED)
    except ValidationError as error:
        raise BadSettings("  ".join(error.messages)) from None


def _place(provider: Provider) -> str:
    return f"provider:{provider.pk}:key"
