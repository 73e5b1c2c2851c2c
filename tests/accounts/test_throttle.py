from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import redis
from pytest_django import Settings

from relaypanel import clock
from relaypanel.accounts import throttle
from relaypanel.accounts.keys import Caller
from tests import redis_server

STRANGER = "203.0.113.9"


@dataclass
class Clock:
    seconds: float = 1_000.0


@pytest.fixture(autouse=True)
def moment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    settings.API_CALLS_PER_MINUTE = 6_000
    moment = Clock()
    monkeypatch.setattr(clock, "monotonic", lambda: moment.seconds)
    throttle.forget()
    yield moment
    throttle.forget()


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server.running() as url:
        yield url


def caller(user_id: int = 1, *, calls_per_minute: int | None = None) -> Caller:
    return Caller(user_id=user_id, key_hmac=b"", calls_per_minute=calls_per_minute)


def answered(who: Caller, tries: int) -> int:
    """Return how many of so many calls are answered."""
    count = 0
    for _ in range(tries):
        try:
            throttle.count_call(who)
        except throttle.TooManyCalls:
            continue
        count += 1
    return count


class TestCountCall:
    def test_answers_a_thousand_at_once(self) -> None:
        assert answered(caller(), 1_500) == 1_000

    def test_answers_a_hundred_each_second_after_that(self, moment: Clock) -> None:
        answered(caller(), 1_000)

        moment.seconds += 1.005

        assert answered(caller(), 500) == 100

    def test_says_when_to_come_back(self, moment: Clock) -> None:
        slow = caller(calls_per_minute=12)
        answered(slow, 10)

        with pytest.raises(throttle.TooManyCalls) as refused:
            throttle.count_call(slow)

        assert refused.value.retry_after_seconds == 5
        moment.seconds += 5
        assert answered(slow, 2) == 1

    def test_counts_each_user_apart(self) -> None:
        answered(caller(1), 1_500)

        assert answered(caller(2), 1_000) == 1_000

    def test_follows_what_the_owner_set_for_a_user(self) -> None:
        assert answered(caller(1, calls_per_minute=600), 500) == 100
        assert answered(caller(2, calls_per_minute=0), 5_000) == 5_000

    def test_counts_nobody_where_there_is_no_limit(self, settings: Settings) -> None:
        settings.API_CALLS_PER_MINUTE = 0

        assert answered(caller(), 5_000) == 5_000
        assert answered(caller(calls_per_minute=60), 50) == 10

    def test_counts_right_in_many_threads(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda _: answered(caller(), 250), range(8))) == 1_000

    def test_keeps_a_bounded_number_of_callers(self) -> None:
        for user_id in range(throttle.BUCKETS_MAX + 100):
            throttle.count_call(caller(user_id))

        assert len(throttle._callers) == throttle.BUCKETS_MAX
        assert throttle._callers.get(99) is None
        assert throttle._callers.get(100) is not None


def guesses(address: str | None, tries: int) -> int:
    """Return how many of so many calls with a bad key are looked at."""
    count = 0
    for _ in range(tries):
        try:
            throttle.admit(address)
            count += 1
            throttle.count_stranger(address)
        except throttle.TooManyCalls:
            continue
    return count


class TestStranger:
    def test_is_shut_out_before_anything_is_looked_at(self, moment: Clock) -> None:
        # The one that finds the bucket empty was looked at as well.
        assert guesses(STRANGER, 1_000) == throttle.STRANGER_BURST + 1

        moment.seconds += 60
        assert guesses(STRANGER, 1_000) <= throttle.STRANGER_CALLS_PER_MINUTE

    def test_shuts_out_nobody_else(self) -> None:
        guesses(STRANGER, 1_000)

        throttle.admit("203.0.113.10")
        throttle.admit(None)
        with pytest.raises(throttle.TooManyCalls):
            throttle.admit(STRANGER)

    def test_is_a_whole_network_in_ipv6(self) -> None:
        guesses("2001:db8::1", 1_000)

        with pytest.raises(throttle.TooManyCalls):
            throttle.admit("2001:db8::2")
        throttle.admit("2001:db8:0:1::1")

    @pytest.mark.parametrize("address", [None, "127.0.0.1", "::1"])
    def test_is_not_everybody_behind_an_undeclared_proxy(self, address: str | None) -> None:
        assert guesses(address, 1_000) == 1_000

    def test_is_counted_nowhere_where_there_is_no_limit(self, settings: Settings) -> None:
        settings.API_CALLS_PER_MINUTE = 0

        assert guesses(STRANGER, 1_000) == 1_000


class TestShared:
    """With Redis: what one process counted, the next one knows."""

    @pytest.fixture(autouse=True)
    def shared(self, redis_url: str, settings: Settings) -> None:
        settings.REDIS_URL = redis_url
        throttle._shared.cache_clear()
        redis.Redis.from_url(redis_url).flushall()

    def test_counts_for_all_processes(self) -> None:
        # By Redis's clock, so a bucket that fills slowly.
        slow = caller(calls_per_minute=60)
        assert answered(slow, 6) == 6

        throttle.forget()

        assert answered(slow, 6) == 4

    def test_says_when_to_come_back(self) -> None:
        slow = caller(calls_per_minute=12)
        answered(slow, 10)

        with pytest.raises(throttle.TooManyCalls) as refused:
            throttle.count_call(slow)

        assert refused.value.retry_after_seconds == 5

    def test_forgets_a_bucket_that_is_full(self, redis_url: str) -> None:
        throttle.count_call(caller(calls_per_minute=12))

        client = redis.Redis.from_url(redis_url)
        assert 0 < client.pttl("relaypanel:api-caller:1") <= 5_000

    def test_counts_strangers_for_all_processes(self) -> None:
        guesses(STRANGER, throttle.STRANGER_BURST)

        throttle.forget()

        assert guesses(STRANGER, 50) < 10

    def test_counts_by_itself_while_redis_is_away(
        self, settings: Settings, moment: Clock, redis_url: str
    ) -> None:
        settings.REDIS_URL = "unix:///nowhere/redis.sock"

        assert answered(caller(), 1_500) == 1_000
        moment.seconds += 4
        settings.REDIS_URL = redis_url
        assert answered(caller(2), 1) == 1
