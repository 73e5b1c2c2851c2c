"""Secrets at rest: encrypted under FIELD_KEYS, which live outside the database."""

from __future__ import annotations

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """The text was not sealed for this place, or under a key that FIELD_KEYS no longer names."""


def seal(secret: str, *, place: str) -> str:
    """Return `secret` encrypted, bound to the place it is kept in: "provider:3:key".

    The binding keeps a sealed text from being copied into another row and opened there.
    """
    return _box(tuple(settings.FIELD_KEYS)).encrypt(f"{place}\n{secret}".encode()).decode()


def unseal(sealed: str, *, place: str) -> str:
    """Return the secret that was sealed for `place`.  Raises Unreadable."""
    try:
        text = _box(tuple(settings.FIELD_KEYS)).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable(place) from None
    found, _, secret = text.partition("\n")
    if found != place:
        raise Unreadable(place)
    return secret


def reseal(sealed: str) -> str:
    """Return the same secret for the same place under the first of FIELD_KEYS.

    What is under it already comes back as it was.  Raises Unreadable.
    """
    keys = tuple(settings.FIELD_KEYS)
    try:
        _box(keys[:1]).decrypt(sealed.encode())
    except InvalidToken:
        try:
            return _box(keys).rotate(sealed.encode()).decode()
        except InvalidToken:
            raise Unreadable("reseal") from None
    return sealed


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
