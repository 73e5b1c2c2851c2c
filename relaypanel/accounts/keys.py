"""API keys: found by an HMAC, shown to their owner from an encrypted copy, rotated at once."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db import transaction

from relaypanel import database, prepared, vault
from relaypanel.accounts import networks
from relaypanel.accounts.models import ApiKey, User
from relaypanel.errors import Refused

# The time of last use is for a person to read; writing it on every call would cost a commit each.
TOUCH_EVERY: Final = timedelta(minutes=1)

# 128 random bits in the form that existing clients expect.
_KEY = re.compile(r"[0-9a-f]{32}")

# Other processes note it as well; the condition lets one of them write.  Nobody waits for the disk
# with it, on SQLite by `database.forgetful`: a crash may forget that a key was used.
_TOUCH: Final = prepared.Statement(
    f"""
    UPDATE accounts_apikey SET last_used_at = $1, last_used_from = $2
      {"" if prepared.is_sqlite() else "FROM set_config('synchronous_commit', 'off', true)"}
     WHERE user_id = (SELECT id FROM accounts_user WHERE api_key_hmac = $3)
           AND revoked_at IS NULL AND (last_used_at IS NULL OR last_used_at <= $4)
    """  # nosec B608
)
_STANDING: Final = prepared.Statement(
    "SELECT id, api_key_hmac, api_calls_per_minute, api_networks FROM accounts_user"
    f" WHERE id {prepared.among('$1')} AND is_active"  # nosec B608
)
# About 15 MB of what a process remembers; it begins anew when it is full.
TOUCHED_MAX: Final = 50_000


class BadKey(Refused):
    """The key is missing, unknown or revoked, its user suspended, or its address not allowed."""

    code = "bad_key"


# A struct takes a tenth of the time that a frozen dataclass takes, and each call makes two.
class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking.  `key_hmac` is what their key was found by.

    `calls_per_minute` as the owner set it for this user; None: as for everybody.
    """

    user_id: int
    key_hmac: bytes
    calls_per_minute: int | None = None


class _Touched(msgspec.Struct, frozen=True):
    at: datetime
    caller: Caller


# What this process last noted, by the key's HMAC.
_TOUCHED: Final[dict[bytes, _Touched]] = {}


class Claim(msgspec.Struct, frozen=True):
    """A caller whose key this process saw a moment ago, and who calls from `address` now.

    Nothing may be done for them before `Standing` tells that it is still so.
    """

    caller: Caller
    address: str | None


def issue(user: User, *, now: datetime) -> str:
    """Return a new key of 32 hex digits; the user's old one is dead when this is committed."""
    key = secrets.token_hex(16)
    # No savepoint: nothing in it is refused, so that nobody goes on after a part of it.
    with transaction.atomic(savepoint=False):
        # Two rotations at once queue here, and the later one revokes what the earlier one issued.
        # An order that is being placed for this user need not wait: see the constraint.
        User.objects.filter(pk=user.pk).update(api_key_hmac=_hmac(key))
        ApiKey.objects.filter(user=user, revoked_at=None).update(revoked_at=now)
        ApiKey.objects.create(
            user=user,
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


class Finder:
    """Finds who calls, and in the same look-up what of theirs the call asks for.

    `columns` come from `join`, which may name `caller.id`, the user's, and values from $2 on.
    """

    def __init__(self, columns: str = "", join: str = "") -> None:
        self._statement = prepared.Statement(
            "SELECT caller.id, caller.api_calls_per_minute, caller.api_networks"
            f"{columns and ', '}{columns} FROM accounts_user AS caller {join}"
            " WHERE caller.api_key_hmac = $1 AND caller.is_active"  # nosec B608
        )

    def find(
        self, key: str, *values: prepared.Value, address: str | None
    ) -> tuple[Caller, tuple[Any, ...]] | None:
        """Return who calls with `key` from `address`, and the columns; None: nobody who may, and
        no hint why.

        One query, or none for what cannot be a key.  The look-up is by HMAC, so its time tells
        nothing about the keys that exist.
        """
        if not _KEY.fullmatch(key):
            return None
        key_hmac = _hmac(key)
        rows = self._statement.rows(key_hmac, *values)
        if not rows:
            return None
        user_id, per_minute, networks_text, *columns = rows[0]
        if not networks.allows(networks_text, address):
            return None
        caller = Caller(user_id=user_id, key_hmac=key_hmac, calls_per_minute=per_minute)
        return caller, tuple(columns)


CALLER: Final = Finder()


def find(key: str, *, address: str | None) -> Caller | None:
    """Return who calls with `key` from `address`; None: nobody who may."""
    found = CALLER.find(key, address=address)
    return None if found is None else found[0]


def touch(caller: Caller, *, address: str | None, now: datetime) -> None:
    """Note that the key was used, at most once in TOUCH_EVERY, and by whom."""
    touched = _touched_of_late(caller.key_hmac, now)
    if touched is None:
        with database.forgetful():
            _TOUCH.rows(now, address, caller.key_hmac, now - TOUCH_EVERY)
        if len(_TOUCHED) >= TOUCHED_MAX:
            _TOUCHED.clear()
        _TOUCHED[caller.key_hmac] = _Touched(now, caller)
    elif touched.caller != caller:
        _TOUCHED[caller.key_hmac] = _Touched(touched.at, caller)


def claim(key: str, *, address: str | None, now: datetime) -> Claim | None:
    """Return who seems to call, without a query; None: nobody whose key was touched of late."""
    touched = _touched_of_late(_hmac(key), now) if _KEY.fullmatch(key) else None
    return None if touched is None else Claim(touched.caller, address)


class Standing:
    """Whether claims hold, by what the database says: the rows that `ask` found."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._found = {
            user_id: (Caller(user_id=user_id, key_hmac=key_hmac, calls_per_minute=limit), allowed)
            for user_id, key_hmac, limit, allowed in rows
        }

    @staticmethod
    def ask(claims: Iterable[Claim]) -> prepared.Ask:
        """Return what `prepared.together` runs: one look at the users of all the claims."""
        return _STANDING.ask(list({claim.caller.user_id for claim in claims}))

    def holds(self, claim: Claim) -> bool:
        """Whether the key is still theirs, from this address and with the same limits."""
        caller, networks_text = self._found.get(claim.caller.user_id, (None, ""))
        return caller == claim.caller and networks.allows(networks_text, claim.address)


def _touched_of_late(key_hmac: bytes, now: datetime) -> _Touched | None:
    touched = _TOUCHED.get(key_hmac)
    return touched if touched is not None and touched.at > now - TOUCH_EVERY else None


def _hmac(key: str) -> bytes:
    """Return the HMAC-SHA-256 of the key under a pepper made from SECRET_KEY for this purpose.

    FIELD_KEYS is a list that is meant to rotate, and a look-up needs one value that stays.
    SECRET_KEY_FALLBACKS are not asked: after a new SECRET_KEY, users issue themselves new keys.
    """
    # A copy, because `hmac.digest` lets another thread run for the microsecond that it takes.
    found = _peppered(settings.SECRET_KEY).copy()
    found.update(key.encode())
    return found.digest()


@lru_cache(maxsize=1)
def _peppered(secret: str) -> hmac.HMAC:
    # As Django's salted_hmac derives it, which does so for every call anew.
    pepper = hashlib.sha256(b"relaypanel.accounts.keys" + secret.encode()).digest()
    return hmac.new(pepper, digestmod="sha256")


def _place(user: User) -> str:
    return f"api-key:user:{user.pk}"
