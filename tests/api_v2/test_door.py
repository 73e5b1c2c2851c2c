from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode
from wsgiref.validate import validator

import pytest
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

from relaypanel import clock
from relaypanel.accounts import keys, throttle
from relaypanel.accounts.models import ApiKey, User
from relaypanel.api_v2 import actions
from relaypanel.contract import Action
from relaypanel.orders import till
from relaypanel.orders.models import Order
from relaypanel.wsgi import application
from tests import cast
from tests.api_v2.client import call, environment, refusal, refused, send, serve


@pytest.mark.django_db
class TestReply:
    def test_is_json_that_nobody_keeps_or_guesses_at(self) -> None:
        body = urlencode({"key": cast.alice().api_key, "action": "balance"}).encode()

        reply = serve(environment(body))

        assert reply.status == 200
        assert reply.body == b'{"balance":"0","currency":"USD"}'
        assert reply.headers == {
            "Content-Type": "application/json; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Length": "32",
        }

    def test_is_given_as_the_wsgi_standard_asks(self) -> None:
        body = urlencode({"key": cast.alice().api_key, "action": "balance"}).encode()

        replies = validator(application)(environment(body), lambda *_: lambda _: None)

        assert list(replies) == [b'{"balance":"0","currency":"USD"}']
        replies.close()  # type: ignore[attr-defined]

    @pytest.mark.parametrize("path", ["/api/v2", "/api/v2/"])
    def test_comes_from_either_path(self, path: str) -> None:
        body = urlencode({"key": cast.alice().api_key, "action": "balance"}).encode()

        assert send(body, PATH_INFO=path) == b'{"balance":"0","currency":"USD"}'

    @pytest.mark.parametrize(
        "headers",
        [
            {"HTTP_USER_AGENT": None},
            {"HTTP_EXPECT": "100-continue"},
            {"HTTP_CONNECTION": "Upgrade, HTTP2-Settings", "HTTP_UPGRADE": "h2c"},
            {"HTTP_HOST": "somebody-elses.example"},
            {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"},
            {"HTTP_CONTENT_ENCODING": "identity"},
            {"QUERY_STRING": "key=other&action=add&quantity=1"},
        ],
    )
    def test_is_the_same_whatever_else_the_client_says(self, headers: dict[str, Any]) -> None:
        body = urlencode({"key": cast.alice().api_key, "action": "balance"}).encode()

        assert send(body, **headers) == b'{"balance":"0","currency":"USD"}'


@pytest.mark.django_db
class TestMethod:
    @pytest.mark.parametrize(
        "method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "BREW"]
    )
    def test_is_post(self, method: str) -> None:
        query = urlencode({"key": cast.alice().api_key, "action": "balance"})

        words = refused(query.encode(), REQUEST_METHOD=method, QUERY_STRING=query)

        assert words == "Use the POST method"

    def test_head_gets_the_headers_alone(self) -> None:
        reply = serve(environment(REQUEST_METHOD="HEAD"))

        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers["Content-Length"] == str(len(b'{"error":"Use the POST method"}'))

    def test_may_be_get_on_the_operators_word(self, settings: Settings) -> None:
        settings.API_GET = True
        query = urlencode({"key": cast.alice().api_key, "action": "balance"})

        reply = send(REQUEST_METHOD="GET", QUERY_STRING=query, CONTENT_LENGTH=None)

        assert reply == b'{"balance":"0","currency":"USD"}'
        assert refused(REQUEST_METHOD="DELETE", QUERY_STRING=query) == "Use the POST method"

    def test_of_a_query_reads_its_text_like_a_form(self, settings: Settings) -> None:
        settings.API_GET = True
        key = cast.alice(balance="10").api_key

        query = urlencode({"key": key, "action": "add", "service": "1"}) + "&service=2"

        assert refused(REQUEST_METHOD="GET", QUERY_STRING=query) == "Repeated parameter: service"
        assert refused(REQUEST_METHOD="GET") == "Invalid API key"


@pytest.mark.django_db
class TestKey:
    def test_in_the_query_of_a_post_opens_nothing(self) -> None:
        query = urlencode({"key": cast.alice().api_key, "action": "balance"})

        assert refused(b"action=balance", QUERY_STRING=query) == "Invalid API key"

    @pytest.mark.parametrize("api_get", [True, False])
    def test_of_the_body_is_not_looked_for_elsewhere(
        self, settings: Settings, api_get: bool
    ) -> None:
        settings.API_GET = api_get
        key = cast.alice().api_key

        words = refused(
            b"action=balance", HTTP_AUTHORIZATION=f"Bearer {key}", HTTP_COOKIE=f"key={key}"
        )

        assert words == "Invalid API key"

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda key: "",
            lambda key: key[:1],
            lambda key: key[:-1],
            lambda key: key + "0",
            lambda key: key + " ",
            lambda key: " " + key,
            lambda key: key + "\n",
            lambda key: key + "\x00",
            lambda key: "\x00" + key,
            lambda key: key + "\ufffd",
            lambda key: key.upper() + "A",
            lambda key: key[:-1] + "é",
            lambda key: key.translate({ord("0") + n: 0xFF10 + n for n in range(10)}) + "１",
            lambda key: key.encode() + b"\xff",
            lambda key: key.encode() + b"\xed\xa0\x80",
            lambda key: "' OR 1=1--",
            lambda key: "%",
            lambda key: "*",
            lambda key: "0" * 32,
            lambda key: "0" * 1_000_000,
        ],
    )
    def test_is_the_very_key(self, spoil: Any) -> None:
        words = refusal(key=spoil(cast.alice().api_key), action="balance")

        assert words == "Invalid API key"

    def test_is_dead_once_it_was_rotated(self) -> None:
        alice = cast.alice()
        new = keys.issue(alice.user, now=clock.now())

        assert refusal(key=alice.api_key, action="balance") == "Invalid API key"
        assert call(key=new, action="balance") == b'{"balance":"0","currency":"USD"}'

    def test_of_a_suspended_user_opens_nothing(self) -> None:
        alice = cast.alice()
        User.objects.filter(pk=alice.user.pk).update(is_active=False)

        assert refusal(key=alice.api_key, action="balance") == "Invalid API key"

    def test_is_judged_before_the_action(self) -> None:
        assert refusal(key="wrong", action="wrong") == "Invalid API key"
        assert refusal() == "Invalid API key"

    def test_remembers_when_and_from_where_it_was_used(self) -> None:
        alice = cast.alice()

        call(key=alice.api_key, action="balance")

        key = ApiKey.objects.get(user=alice.user)
        assert key.last_used_from == "203.0.113.9"
        assert key.last_used_at is not None


@pytest.mark.django_db
class TestKeySeenAMomentAgo:
    """Orders of who called within the minute are placed without a look-up of their own."""

    def test_is_not_looked_up_before_its_order(self) -> None:
        alice, order = _who_orders()
        call(**order)

        with CaptureQueriesContext(connection) as queries:
            call(**order)

        assert not [each for each in queries if "caller.api_key_hmac =" in each["sql"]]
        assert Order.objects.filter(user=alice).count() == 2

    @pytest.mark.parametrize(
        "change",
        [
            lambda alice: keys.issue(alice, now=clock.now()),
            lambda alice: User.objects.filter(pk=alice.pk).update(is_active=False),
            lambda alice: User.objects.filter(pk=alice.pk).update(api_networks="198.51.100.7"),
        ],
    )
    @pytest.mark.parametrize("spoiled", [{}, {"service": "0"}, {"client_ref": "\n"}, {"link": ""}])
    def test_opens_nothing_once_it_is_good_no_longer(
        self, change: Callable[[User], object], spoiled: dict[str, str]
    ) -> None:
        alice, order = _who_orders()
        call(**order)

        change(alice)

        assert refusal(**(order | spoiled)) == "Invalid API key"

    def test_is_a_strangers_once_it_is_good_no_longer(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.API_CALLS_PER_MINUTE = 60
        monkeypatch.setattr(clock, "monotonic", lambda: 1_000.0)
        alice, order = _who_orders()
        call(**order)
        keys.issue(alice, now=clock.now())
        throttle.forget()

        replies = [serve(environment(urlencode(order).encode())) for _ in range(102)]

        throttle.forget()
        assert [reply.status for reply in replies].count(429) == 2

    @pytest.mark.parametrize(("before", "after", "status"), [(0, 1, 429), (1, 0, 200)])
    def test_keeps_to_the_limit_that_its_user_has_now(
        self, monkeypatch: pytest.MonkeyPatch, before: int, after: int, status: int
    ) -> None:
        monkeypatch.setattr(clock, "monotonic", lambda: 1_000.0)
        throttle.forget()
        alice, order = _who_orders()
        throttle.set_limit(alice, before)
        for _ in range(10):
            call(**order)

        throttle.set_limit(alice, after)

        replies = [serve(environment(urlencode(order).encode())) for _ in range(11)]
        throttle.forget()
        assert replies[-1].status == status


def _who_orders() -> tuple[User, dict[str, object]]:
    """Return Alice and the fields of an order of hers."""
    alice, service = cast.alice(balance="100"), cast.service(rate="0.1")
    fields = {"service": service.pk, "link": "https://example.com/p", "quantity": 1000}
    return alice.user, {"key": alice.api_key, "action": "add", **fields}


class TestCall:
    def test_tells_nothing_of_its_fields(self) -> None:
        """Whatever writes about a call does not write its key."""
        asked = actions.Call(
            user_id=7,
            columns=(),
            fields={"key": "a1b2c3d4e5f60718293a4b5c6d7e8f90"},
            idempotency_key=None,
            now=cast.NOW,
        )

        assert "user_id=7" in repr(asked)
        assert "a1b2c3d4" not in f"{asked} {asked!r}"


@pytest.mark.django_db
class TestAddress:
    @pytest.mark.parametrize(
        ("remote", "forwarded_for", "is_allowed"),
        [
            ("198.51.100.7", "", True),
            ("::ffff:198.51.100.7", "", True),
            ("203.0.113.9", "", False),
            ("203.0.113.9", "198.51.100.7", False),
            ("10.0.0.1", "198.51.100.7", True),
            ("10.0.0.1", "198.51.100.7,203.0.113.9", False),
            ("10.0.0.1", "", False),
            ("", "198.51.100.7", False),
            (None, "198.51.100.7", False),
        ],
    )
    def test_must_be_on_the_users_list(
        self, settings: Settings, remote: str | None, forwarded_for: str, is_allowed: bool
    ) -> None:
        settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
        alice = cast.alice()
        User.objects.filter(pk=alice.user.pk).update(api_networks="198.51.100.7")
        body = urlencode({"key": alice.api_key, "action": "balance"}).encode()

        reply = send(body, REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded_for)

        allowed, refused_ = b'{"balance":"0","currency":"USD"}', b'{"error":"Invalid API key"}'
        assert reply == (allowed if is_allowed else refused_)


@pytest.mark.django_db
class TestAction:
    @pytest.mark.parametrize(
        "action",
        [
            "",
            " ",
            "Add",
            "ADD",
            " add",
            "add ",
            "add\x00",
            "add\n",
            "__class__",
            "../add",
            "order",
            "�",
            "ａｄｄ",
            b"\xff",
            b"\xed\xa0\x80",
            "a" * 64000,
            "services,balance",
        ],
    )
    def test_is_one_of_the_table(self, action: str | bytes) -> None:
        assert refusal(key=cast.alice().api_key, action=action) == "Incorrect action"

    def test_is_needed(self) -> None:
        key = cast.alice().api_key

        assert refusal(key=key) == "Incorrect action"
        assert refusal(**{"key": key, "action[]": "balance"}) == "Incorrect action"

    def test_has_a_handler_for_each_word_of_the_contract(self) -> None:
        assert set(actions.HANDLERS) == set(Action)


@pytest.mark.django_db
class TestOurFaults:
    @pytest.mark.parametrize("error", [OperationalError, InterfaceError])
    def test_are_503_when_the_database_is_away(
        self,
        error: type[Exception],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        key = _break_the_database(error("could not connect"), monkeypatch)

        reply = serve(environment(urlencode({"key": key, "action": "balance"}).encode()))

        assert (reply.status, reply.headers["Content-Type"]) == (
            503,
            "application/json; charset=utf-8",
        )
        assert reply.body == (
            b'{"error":"The panel is not available now. Please try again later."}'
        )
        _assert_logged(caplog, "api_v2_without_database", key)

    @pytest.mark.parametrize(
        "error", [AssertionError("bug"), DataError("22P05"), IntegrityError("x"), RecursionError()]
    )
    def test_are_500_when_it_is_a_bug(
        self,
        error: Exception,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        key = _break_the_database(error, monkeypatch)

        reply = serve(environment(urlencode({"key": key, "action": "balance"}).encode()))

        assert (reply.status, reply.headers["Content-Type"]) == (
            500,
            "application/json; charset=utf-8",
        )
        assert reply.body == (
            b'{"error":"Something went wrong on our side. Please try again later."}'
        )
        _assert_logged(caplog, "api_v2_failed", key)


@pytest.mark.django_db
class TestPriceList:
    def _call(self, **headers: str) -> Any:
        body = urlencode({"key": cast.alice().api_key, "action": "services"}).encode()
        return lambda **more: serve(environment(body, **headers, **more))

    def test_is_compressed_for_who_says_that_it_may_be(self) -> None:
        cast.service()
        call_services = self._call()

        plain, zipped = call_services(), call_services(HTTP_ACCEPT_ENCODING="br, gzip;q=0.8")

        assert zipped.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(zipped.body) == plain.body
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["Vary"] == "Accept-Encoding"

    @pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "deflate, gzip; q=0.0"])
    def test_is_not_compressed_for_others(self, accepted: str) -> None:
        reply = self._call(HTTP_ACCEPT_ENCODING=accepted)()

        assert reply.body == b"[]"

    def test_is_not_sent_again_to_who_has_it(self) -> None:
        call_services = self._call()
        tag = call_services().headers["ETag"]

        for known in (tag, f"W/{tag}", f" {tag} "):
            again = call_services(HTTP_IF_NONE_MATCH=known)
            assert (again.status, again.body) == (304, b"")

        cast.service()
        changed = call_services(HTTP_IF_NONE_MATCH=tag)
        assert changed.status == 200
        assert changed.headers["ETag"] != tag


class TestConnections:
    @pytest.mark.django_db(transaction=True)
    def test_are_made_anew_when_their_time_is_over(self) -> None:
        key = cast.alice().api_key
        old = connection.connection
        connection.close_at = 0

        assert call(key=key, action="balance") == b'{"balance":"0","currency":"USD"}'
        assert connection.connection is not old

    @pytest.mark.postgresql
    @pytest.mark.django_db(transaction=True)
    def test_are_made_anew_when_the_database_was_restarted(self) -> None:
        key = cast.alice().api_key
        _cut()

        assert call(key=key, action="balance") == b'{"balance":"0","currency":"USD"}'

    @pytest.mark.postgresql
    @pytest.mark.django_db(transaction=True)
    def test_are_made_anew_for_the_look_up_of_the_key_alone(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        key = cast.alice().api_key
        asked = []

        def answer(call: actions.Call) -> bytes:
            asked.append(call)
            _cut()
            connection.cursor().execute("SELECT 1")
            raise AssertionError("the connection stands")

        monkeypatch.setattr(actions, "answer", answer)

        reply = serve(environment(urlencode({"key": key, "action": "balance"}).encode()))

        assert reply.status == 503
        assert len(asked) == 1
        assert "api_v2_without_database" in caplog.text

    @pytest.mark.postgresql
    @pytest.mark.django_db(transaction=True)
    def test_are_made_anew_for_an_order_of_who_was_here_a_moment_ago(self) -> None:
        alice, order = _who_orders()
        call(**order)
        call(**order)
        with till._TILL.connection.lent():
            _cut()

        call(**order)

        assert Order.objects.filter(user=alice).count() == 3

    @pytest.mark.django_db(transaction=True)
    def test_are_left_alone_within_a_transaction(self) -> None:
        with transaction.atomic():
            key = cast.alice().api_key
            call(key=key, action="balance")
            transaction.set_rollback(True)

        assert not User.objects.exists()

    @pytest.mark.django_db
    def test_forget_the_queries_that_debug_mode_keeps(self, settings: Settings) -> None:
        settings.DEBUG = True
        key = cast.alice().api_key

        for _ in range(3):
            call(key=key, action="balance")

        assert len(connection.queries) < 5


def _cut() -> None:
    """Leave this thread with a connection that the server has ended."""
    connection.ensure_connection()
    assert connection.connection is not None
    connection.connection.close()


def _break_the_database(error: Exception, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a key whose call runs into the error at its first query."""
    key = cast.alice().api_key
    monkeypatch.setattr("relaypanel.prepared.Statement.rows", _raiser(error))
    return key


def _raiser(error: Exception) -> Any:
    def raise_it(*args: object, **kwargs: object) -> None:
        raise error

    return raise_it


def _assert_logged(caplog: pytest.LogCaptureFixture, event: str, key: str) -> None:
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert event in record.getMessage()
    assert record.exc_info is not None
    assert key not in caplog.text


@pytest.mark.django_db
class TestTooManyCalls:
    @pytest.fixture(autouse=True)
    def limit(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        settings.API_CALLS_PER_MINUTE = 60
        # Buckets fill while a slow machine makes its calls.
        monkeypatch.setattr(clock, "monotonic", lambda: 1_000.0)
        throttle.forget()
        yield
        throttle.forget()

    def test_are_refused_in_json_with_the_time_to_wait(self) -> None:
        body = urlencode({"key": cast.alice().api_key, "action": "balance"}).encode()
        replies = [serve(environment(body)) for _ in range(11)]

        assert [reply.status for reply in replies] == [200] * 10 + [429]
        assert replies[-1].body == b'{"error":"Too many requests"}'
        assert replies[-1].headers["Retry-After"] == "1"
        assert replies[-1].headers["Content-Type"] == "application/json; charset=utf-8"

    def test_without_a_good_key_are_refused_before_a_look(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        wrong = urlencode({"key": "0" * 32, "action": "balance"}).encode()
        right = urlencode({"key": cast.alice().api_key, "action": "balance"}).encode()
        replies = [serve(environment(wrong)) for _ in range(102)]

        with django_assert_num_queries(0):
            assert serve(environment(right)).status == 429
        assert [reply.status for reply in replies].count(429) == 2
        assert serve(environment(right, REMOTE_ADDR="203.0.113.10")).status == 200

    def test_of_nonsense_count_as_well(self) -> None:
        replies = [serve(environment(b"{", CONTENT_TYPE="application/json")) for _ in range(102)]

        assert replies[-1].status == 429
