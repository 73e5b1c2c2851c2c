"""How often the API may be called: with a key, and without a good one.

Token buckets, kept as the one moment at which each is full again (the "generic cell rate
algorithm").  With REDIS_URL all processes share them; without, each process counts for itself.
What is asked of memory takes the same time however many callers there are, and the memory is
bounded: those who called longest ago are forgotten first.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from functools import lru_cache
from math import ceil
from threading import Lock
from typing import Final, TypeAlias

import structlog
from django.conf import settings

from relaypanel import clock, errors
from relaypanel.accounts.keys import Caller
from relaypanel.accounts.models import User

log = structlog.get_logger(__name__)

# A key may spend this share of its minute at once: 1,000 calls of 6,000.
_BURST_SHARE: Final = 6
_BURST_MIN: Final = 10
# Calls of one address that name no good key: guesses, and scripts with an old key.
STRANGER_CALLS_PER_MINUTE: Final = 120
STRANGER_BURST: Final = 100
# Five calls in a second, which is what the bots of the market keep to.
ADMIN_CALLS_PER_MINUTE: Final = 300
ADMIN_BURST: Final = 10
# An address has 2**64 neighbours in IPv6, all of the same subscriber.
_IPV6_PREFIX: Final = 64
# About 10 MB of buckets.
BUCKETS_MAX: Final = 50_000
# How long a call may wait for Redis, and how long it is left alone after it did not answer.
_REDIS_SECONDS: Final = 0.2
_REDIS_RESTS_SECONDS: Final = 5.0

# Whole microseconds: sums of fractions would lose a call now and then.
_MINUTE_US: Final = 60_000_000

_Name: TypeAlias = int | str


class TooManyCalls(errors.Refused):
    """Nothing was looked at.  The call may be made again after so many seconds."""

    code = "too_many_calls"

    def __init__(self, *, wait_seconds: float) -> None:
        self.retry_after_seconds = max(1, ceil(wait_seconds))
        super().__init__(f"again in {self.retry_after_seconds} s")


def admit(address: str | None) -> None:
    """Raise TooManyCalls for an address that has called too often without a good key.

    Costs one look into memory: it stands before everything else that a call costs.
    """
    until = _shut.get(_network(address)) if address and _shut else None
    if until is not None and until > (now := int(clock.monotonic() * 1_000_000)):
        raise TooManyCalls(wait_seconds=(until - now) / 1_000_000)


def count_stranger(address: str | None) -> None:
    """Count a call that named no good key.  Raises TooManyCalls."""
    # A proxy that nobody declared makes everybody seem to call from this machine.
    if not settings.API_CALLS_PER_MINUTE or address is None or _is_own_machine(address):
        return
    network = _network(address)
    wait_seconds = _take(_strangers, network, STRANGER_CALLS_PER_MINUTE, STRANGER_BURST)
    if wait_seconds > 0:
        _shut.put(network, int((clock.monotonic() + wait_seconds) * 1_000_000))
        raise TooManyCalls(wait_seconds=wait_seconds)


def count_call(caller: Caller) -> None:
    """Count a call made with a good key.  Raises TooManyCalls."""
    per_minute = caller.calls_per_minute
    if per_minute is None:
        per_minute = settings.API_CALLS_PER_MINUTE
    if not per_minute:
        return
    burst = max(_BURST_MIN, per_minute // _BURST_SHARE)
    wait_seconds = _take(_callers, caller.user_id, per_minute, burst)
    if wait_seconds > 0:
        raise TooManyCalls(wait_seconds=wait_seconds)


def count_admin_call(key_id: int) -> None:
    """Count a call of the admin API.  Raises TooManyCalls."""
    if not settings.API_CALLS_PER_MINUTE:
        return
    wait_seconds = _take(_admins, key_id, ADMIN_CALLS_PER_MINUTE, ADMIN_BURST)
    if wait_seconds > 0:
        raise TooManyCalls(wait_seconds=wait_seconds)


def set_limit(user: User, calls_per_minute: int | None) -> None:
    """Let a user make so many calls in a minute; 0: any number, None: as for everybody."""
    user.api_calls_per_minute = calls_per_minute
    user.save(update_fields=["api_calls_per_minute"])


def forget() -> None:
    """Forget what this process has counted."""
    for kept in (_callers, _strangers, _admins, _shut):
        kept.clear()


class _Moments:
    """A moment in microseconds for each name, of the latest BUCKETS_MAX names."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._moments: OrderedDict[_Name, int] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._moments)

    def get(self, name: _Name) -> int | None:
        return self._moments.get(name)

    def put(self, name: _Name, moment: int) -> None:
        with self._lock:
            self._put(name, moment)

    def take(self, name: _Name, per_minute: int, burst: int) -> float:
        """Take one from the bucket; return the seconds until there is one, 0: there was."""
        now = int(clock.monotonic() * 1_000_000)
        interval = _MINUTE_US // per_minute
        with self._lock:
            full_at = max(self._moments.get(name, now), now) + interval
            wait = full_at - now - interval * burst
            if wait > 0:
                return wait / 1_000_000
            self._put(name, full_at)
        return 0

    def clear(self) -> None:
        with self._lock:
            self._moments.clear()

    def _put(self, name: _Name, moment: int) -> None:
        self._moments[name] = moment
        self._moments.move_to_end(name)
        if len(self._moments) > BUCKETS_MAX:
            self._moments.popitem(last=False)


_callers: Final = _Moments("api-caller")
_strangers: Final = _Moments("api-stranger")
_admins: Final = _Moments("admin-key")
# Until when an address need not be looked at.
_shut: Final = _Moments("")


def _take(buckets: _Moments, name: _Name, per_minute: int, burst: int) -> float:
    shared = _shared(settings.REDIS_URL) if settings.REDIS_URL else None
    wait_seconds = shared.take(f"{buckets.prefix}:{name}", per_minute, burst) if shared else None
    # What Redis does not answer for, each process counts for itself.
    return buckets.take(name, per_minute, burst) if wait_seconds is None else wait_seconds


@lru_cache(maxsize=1024)
def _network(address: str) -> str:
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False).network_address)


@lru_cache(maxsize=1024)
def _is_own_machine(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


# By Redis's own clock, in microseconds, and in one step: two processes cannot take the same one.
_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + interval
local wait = full - now - interval * burst
if wait > 0 then return string.format('%.0f', math.ceil(wait)) end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return '0'
"""


class _Shared:
    """The buckets in Redis."""

    def __init__(self, url: str) -> None:
        # Nine megabytes and a tenth of the time to start, which panels without it save.
        import redis

        client = redis.Redis.from_url(
            url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS
        )
        self._error = redis.RedisError
        self._script = client.register_script(_TAKE)
        self._rests_until = 0.0

    def take(self, name: str, per_minute: int, burst: int) -> float | None:
        """Return what `_Moments.take` returns, or None when Redis does not answer."""
        if clock.monotonic() < self._rests_until:
            return None
        try:
            wait = self._script(keys=[f"relaypanel:{name}"], args=[_MINUTE_US // per_minute, burst])
        except self._error:
            log.warning("throttle_without_redis", rests_seconds=_REDIS_RESTS_SECONDS)
            self._rests_until = clock.monotonic() + _REDIS_RESTS_SECONDS
            return None
        return int(wait) / 1_000_000


@lru_cache(maxsize=1)
def _shared(url: str) -> _Shared:
    return _Shared(url)
