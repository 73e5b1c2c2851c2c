"""API keys: found by an HMAC, shown to their owner from an encrypted copy, rotated at once."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from relaypanel import vault
from relaypanel.accounts import networks
from relaypanel.accounts.models import ApiKey, User

# The time of last use is for a person to read; writing it on every call would cost a commit each.
TOUCH_EVERY: Final = timedelta(minutes=1)

# 128 random bits in the form that existing clients expect.
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who is asking.  `last_used_at` as it was before this call; None: never used.

    `calls_per_minute` as the owner set it for this user; None: as for everybody.
    """

    user_id: int
    key_id: int
    last_used_at: datetime | None
    calls_per_minute: int | None = None


def issue(user: User, *, now: datetime) -> str:
    """Return a new key of 32 hex digits; the user's old one is dead when this is committed."""
    key = secrets.token_hex(16)
    with transaction.atomic():
        # Two rotations at once queue here, and the later one revokes what the earlier one issued.
        # NO KEY: an order that is being placed for this user need not wait.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        ApiKey.objects.filter(user=user, revoked_at=None).update(revoked_at=now)
        ApiKey.objects.create(
            user=user,
            key_hmac=_hmac(key),
            key_encrypted=vault.seal(key, place=_place(user)),
            last_four=key[-4:],
            created_at=now,
        )
    return key


def reveal(user: User) -> str:
    """Return the user's live key, for the user's own eyes.

    Raises ApiKey.DoesNotExist when none was issued, and vault.Unreadable.
    """
    key = ApiKey.objects.get(user=user, revoked_at=None)
    return vault.unseal(key.key_encrypted, place=_place(user))


def find(key: str, *, address: str | None) -> Caller | None:
    """Return who calls with `key` from `address`; None: nobody who may, and no hint why.

    One query, or none for what cannot be a key.  The look-up is by HMAC, so its time tells
    nothing about the keys that exist.
    """
    if not _KEY.fullmatch(key):
        return None
    row = (
        ApiKey.objects.filter(key_hmac=_hmac(key), revoked_at=None, user__is_active=True)
        .values_list(
            "user_id",
            "id",
            "last_used_at",
            "user__api_calls_per_minute",
            "user__api_networks",
        )
        .first()
    )
    if row is None:
        return None
    user_id, key_id, last_used_at, calls_per_minute, networks_text = row
    if not networks.allows(networks_text, address):
        return None
    return Caller(
        user_id=user_id,
        key_id=key_id,
        last_used_at=last_used_at,
        calls_per_minute=calls_per_minute,
    )


def touch(caller: Caller, *, address: str | None, now: datetime) -> None:
    """Note that the key was used, at most once in TOUCH_EVERY."""
    if caller.last_used_at is not None and caller.last_used_at > now - TOUCH_EVERY:
        return
    # Calls that came together all read the old time; the condition lets one of them write.
    ApiKey.objects.filter(
        Q(last_used_at=None) | Q(last_used_at__lte=now - TOUCH_EVERY), pk=caller.key_id
    ).update(last_used_at=now, last_used_from=address)


def _hmac(key: str) -> bytes:
    """Return the HMAC-SHA-256 of the key under a pepper made from SECRET_KEY for this purpose.

    FIELD_KEYS is a list that is meant to rotate, and a look-up needs one value that stays.
    SECRET_KEY_FALLBACKS are not asked: after a new SECRET_KEY, users issue themselves new keys.
    """
    return salted_hmac("relaypanel.accounts.keys", key, algorithm="sha256").digest()


def _place(user: User) -> str:
    return f"api-key:user:{user.pk}"
