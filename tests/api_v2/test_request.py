from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from relaypanel.api_v2 import request
from relaypanel.contract import OrderType
from relaypanel.orders.models import Order
from tests import cast
from tests.api_v2.client import FORM, JSON, environment, refused, send, serve

pytestmark = pytest.mark.django_db

BALANCE = b'{"balance":"0","currency":"USD"}'
LINK = "https://example.com/post/1"


@pytest.fixture
def key() -> str:
    return cast.alice().api_key


def form(key: str, **fields: Any) -> bytes:
    return urlencode({"key": key, "action": "balance"} | fields).encode()


class TestForm:
    @given(
        st.lists(st.sampled_from(["&", "=", "key", "action", "%26", "%", "+", "đ", "\x80", " "]))
    )
    def test_says_the_same_whether_something_is_escaped_or_nothing(self, pieces: list[str]) -> None:
        body = "".join(pieces).encode("utf-8", "surrogateescape")

        assert list(request._form(body)) == parse_qsl(
            body.decode("utf-8", "surrogateescape"),
            keep_blank_values=True,
            errors="surrogateescape",
        )

    def test_holds_no_more_fields_escaped_or_not(self, key: str) -> None:
        body = form(key) + b"&x" * 998

        assert send(body) == BALANCE
        words = "Too many parameters: at most 1000"
        assert refused(body + b"&x=%20") == refused(body + b"&x=y") == words

    @pytest.mark.parametrize(
        "content_type",
        [
            FORM,
            f"{FORM}; charset=utf-8",
            f"{FORM};charset=UTF-16",
            " Application/X-WWW-Form-Urlencoded ",
            "",
            None,
        ],
    )
    def test_is_what_a_body_is_unless_it_says_otherwise(
        self, key: str, content_type: str | None
    ) -> None:
        assert send(form(key), CONTENT_TYPE=content_type) == BALANCE

    @pytest.mark.parametrize(
        "body",
        [
            b"&&&%s",
            b"%s&",
            b"%s&=&=&flag",
            b"%s&a=%%zz&%%=b",
            b"%s&\xff=\xff&caf\xc3\xa9=\xf0\x9f\x91\x8d",
            b"a[]=1&a[]=2&%s&a[0][b]=3&__proto__=1",
        ],
    )
    def test_may_hold_anything_beside_what_we_know(self, key: str, body: bytes) -> None:
        assert send(body % form(key)) == BALANCE

    def test_may_be_sent_with_raw_bytes(self) -> None:
        alice = cast.alice(balance="1")
        service = cast.service(type=OrderType.CUSTOM_COMMENTS, min=1)
        fields = form(alice.api_key, action="add", service=service.pk, link=LINK)

        send(fields + "&comments=Hay quá 👍\nTuyệt".encode())

        assert Order.objects.get().fields == {"comments": "Hay quá 👍\nTuyệt"}

    @pytest.mark.parametrize(
        "name", ["key", "action", "quantity", "orders", "client_ref", "expiry"]
    )
    def test_names_a_parameter_once(self, key: str, name: str) -> None:
        body = form(key) + f"&{name}=10&{name}=1000".encode()

        assert refused(body) == f"Repeated parameter: {name}"

    @pytest.mark.parametrize("unknown", ["a=1&" * 998, "&" * 998])
    def test_takes_a_thousand_fields(self, key: str, unknown: str) -> None:
        assert send(unknown.encode() + form(key)) == BALANCE

    @pytest.mark.parametrize("unknown", ["a=1&" * 999, "a&" * 100_000])
    def test_refuses_more_than_a_thousand_fields(self, key: str, unknown: str) -> None:
        assert refused(unknown.encode() + form(key)) == "Too many parameters: at most 1000"

    def test_that_is_empty_has_no_key(self) -> None:
        assert refused(b"") == "Invalid API key"
        assert refused(b"", CONTENT_LENGTH=None, CONTENT_TYPE=None) == "Invalid API key"

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/xml", "multipart/mixed", "application"]
    )
    def test_is_not_guessed_in_other_types(self, key: str, content_type: str) -> None:
        words = refused(form(key), CONTENT_TYPE=content_type)

        assert words == (
            "Send the parameters as application/x-www-form-urlencoded, "
            "multipart/form-data or application/json"
        )


class TestLength:
    def test_may_be_unknown_when_the_server_ends_the_stream(self, key: str) -> None:
        headers = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}

        assert send(form(key), CONTENT_LENGTH=None, **headers) == BALANCE

    def test_is_not_waited_for_when_nothing_ends_the_stream(self, key: str) -> None:
        environ = environment(form(key), CONTENT_LENGTH=None)
        environ["wsgi.input"] = _Endless()

        assert serve(environ).body == b'{"error":"Invalid API key"}'

    @pytest.mark.parametrize("length", ["abc", "-1", "+3", "1.0", "１", "9" * 19])
    def test_is_a_number(self, key: str, length: str) -> None:
        words = refused(form(key), CONTENT_LENGTH=length)

        assert words == "The body is shorter than its Content-Length says"

    def test_is_held_against_what_arrived(self, key: str) -> None:
        body = form(key)

        words = refused(body, CONTENT_LENGTH=str(len(body) + 1))

        assert words == "The body is shorter than its Content-Length says"

    def test_may_reach_the_limit(self, key: str, settings: Settings) -> None:
        settings.API_BODY_BYTES_MAX = 1_000

        assert send(form(key).ljust(1_000, b"&")) == BALANCE

    @pytest.mark.parametrize(
        "headers",
        [{}, {"CONTENT_LENGTH": None, "wsgi.input_terminated": True}],
        ids=["length", "chunked"],
    )
    def test_may_not_pass_the_limit(
        self, key: str, settings: Settings, headers: dict[str, Any]
    ) -> None:
        settings.API_BODY_BYTES_MAX = 1_000

        words = refused(form(key).ljust(1_001, b"&"), **headers)

        assert words == "The body is too large: at most 1000 bytes"

    def test_of_3_megabytes_passes_the_limit_that_we_ship(self, key: str) -> None:
        words = refused(form(key, comments="x" * 3_000_000))

        assert words == "The body is too large: at most 2097152 bytes"

    def test_past_the_limit_is_read_off_so_that_the_client_hears_us(
        self, key: str, settings: Settings
    ) -> None:
        settings.API_BODY_BYTES_MAX = 100_000
        body = BytesIO(b"x" * 500_000)

        serve(environment(b"", CONTENT_LENGTH="500000", **{"wsgi.input": body}))

        assert body.read() == b""

    def test_without_end_is_not_read_to_the_end(self, settings: Settings) -> None:
        settings.API_BODY_BYTES_MAX = 100_000
        endless = _Endless()
        environ = environment(CONTENT_LENGTH=None)

        serve(environ | {"wsgi.input": endless, "wsgi.input_terminated": True})

        assert endless.bytes_read < 1_000_000

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "gzip, gzip"])
    def test_is_of_plain_bytes(self, key: str, encoding: str) -> None:
        words = refused(gzip.compress(form(key)), HTTP_CONTENT_ENCODING=encoding)

        assert words == "Send the body without compression"


class TestMultipart:
    def test_is_read_as_php_sends_it(self) -> None:
        alice = cast.alice(balance="1")
        service = cast.service(type=OrderType.CUSTOM_COMMENTS, min=1)
        fields = {"key": alice.api_key, "action": "add", "service": str(service.pk), "link": LINK}

        reply = _multipart(fields | {"comments": "Hay quá 👍\r\nok"})

        order = Order.objects.get()
        assert reply == b'{"order":%d}' % order.pk
        assert order.fields == {"comments": "Hay quá 👍\nok"}

    def test_names_a_parameter_once(self, key: str) -> None:
        body = _parts({"key": key, "action": "balance"}, {"key": key})

        assert refused(body, CONTENT_TYPE=_MULTIPART) == "Repeated parameter: key"

    def test_refuses_bytes_that_are_no_text_in_their_field(self, key: str) -> None:
        fields = {"key": key, "action": "add", "service": str(cast.service().pk)}
        body = _parts(fields | {"quantity": "100", "link": "LINK"})
        body = body.replace(b"LINK", b"https://example.com/\xff")

        assert refused(body, CONTENT_TYPE=_MULTIPART) == "Bad link"

    def test_takes_a_file_for_no_field(self, key: str) -> None:
        file = _parts({"action": "add"}).replace(b'"action"', b'"action"; filename="a.txt"')
        body = file.removesuffix(b"--x--\r\n") + _parts({"key": key, "action": "balance"})

        assert send(body, CONTENT_TYPE=_MULTIPART) == BALANCE

    @pytest.mark.parametrize(
        "content_type",
        [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=é",
            "multipart/form-data; boundary=" + "x" * 500,
        ],
    )
    def test_needs_its_boundary(self, key: str, content_type: str) -> None:
        body = _parts({"key": key, "action": "balance"})

        assert refused(body, CONTENT_TYPE=content_type) == "The form could not be read"

    def test_needs_its_end(self, key: str) -> None:
        body = _parts({"key": key, "action": "balance", "quantity": "1000"})

        words = refused(body[: body.index(b"1000") + 2], CONTENT_TYPE=_MULTIPART)

        assert words == "The form could not be read"

    @pytest.mark.parametrize("count", [999, 1_100])
    def test_refuses_more_than_a_thousand_fields(self, key: str, count: int) -> None:
        unknown = [{f"a{number}": "1"} for number in range(count)]
        body = _parts({"key": key, "action": "balance"}, *unknown)

        words = refused(body, CONTENT_TYPE=_MULTIPART)

        assert words == "Too many parameters: at most 1000"

    def test_refuses_a_heap_of_files(self, key: str) -> None:
        file = _parts({"f": "x"}).replace(b'"f"', b'"f"; filename="a"').removesuffix(b"--x--\r\n")
        body = file * 101 + _parts({"key": key, "action": "balance"})

        words = refused(body, CONTENT_TYPE=_MULTIPART)

        assert words == "Too many parameters: at most 1000"


class TestJson:
    def test_takes_texts_numbers_and_null(self) -> None:
        alice = cast.alice(balance="1")
        service = cast.service()
        fields = {"key": alice.api_key, "action": "add", "service": service.pk, "link": LINK}

        reply = _json(fields | {"quantity": 100, "runs": None, "comments": None})

        assert reply == b'{"order":%d}' % Order.objects.get().pk

    @pytest.mark.parametrize("ids", [["1", 2, "x"], "1,2,x"])
    def test_takes_a_list_of_ids(self, key: str, ids: object) -> None:
        assert _json({"key": key, "action": "status", "orders": ids}) == (
            b'{"1":{"error":"Incorrect order ID"},"2":{"error":"Incorrect order ID"},'
            b'"x":{"error":"Incorrect order ID"}}'
        )

    def test_takes_a_list_of_refills(self, key: str) -> None:
        assert _json({"key": key, "action": "refill_status", "refills": [3]}) == (
            b'[{"refill":3,"status":{"error":"Refill not found"}}]'
        )

    def test_takes_a_list_of_lines(self) -> None:
        alice = cast.alice(balance="1")
        service = cast.service(type=OrderType.CUSTOM_COMMENTS, min=1)
        fields = {"key": alice.api_key, "action": "add", "service": service.pk, "link": LINK}

        _json(fields | {"comments": ["Hay quá 👍", 5]})

        assert Order.objects.get().fields == {"comments": "Hay quá 👍\n5"}

    @pytest.mark.parametrize("value", [True, False, {}, {"a": 1}, [], ["x"], [[1]]])
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("key", "Invalid API key"),
            ("action", "Incorrect action"),
            ("service", "Incorrect service ID"),
            ("client_ref", "Incorrect client_ref"),
            ("link", "Bad link"),
            ("quantity", "Incorrect quantity"),
        ],
    )
    def test_refuses_what_is_no_text_in_its_field(
        self, name: str, words: str, value: object
    ) -> None:
        assert _refused_json(_good_order() | {name: value}) == words

    @pytest.mark.parametrize("number", [1.5, -1, 1e30, 10**30])
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("key", "Invalid API key"),
            ("action", "Incorrect action"),
            ("service", "Incorrect service ID"),
            ("link", "Bad link"),
            ("quantity", "Incorrect quantity"),
        ],
    )
    def test_reads_a_number_as_its_text(self, name: str, words: str, number: float) -> None:
        assert _refused_json(_good_order() | {name: number}) == words

    @pytest.mark.parametrize(
        "value", [True, {}, [], [[1]], [True], [None], ["1,2"], ["\ud800"], "\ud800"]
    )
    def test_refuses_what_is_no_list_of_ids(self, key: str, value: object) -> None:
        reply = _json({"key": key, "action": "status", "orders": value})

        assert reply == b'{"error":"Incorrect order ID"}'

    @pytest.mark.parametrize(
        "value", [True, {}, [], [["a"]], [True], ["a\nb"], ["a", "\ud800"], "a\udcff"]
    )
    def test_refuses_what_is_no_list_of_lines(self, value: object) -> None:
        key = cast.alice(balance="10").api_key
        service = cast.service(type=OrderType.CUSTOM_COMMENTS, min=1)
        fields = {"key": key, "action": "add", "service": service.pk, "link": LINK}

        assert _refused_json(fields | {"comments": value}) == "Incorrect comments"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"[]",
            b'"key"',
            b"1",
            b"{",
            b'{"key": NaN}',
            b'{"key": -Infinity}',
            b'{"key": "a"} {"key": "b"}',
            b"{'key': 1}",
            b'{"key": 01}',
            b'\xef\xbb\xbf{"key": "a"}',
            b"\xff\xfe{\x00}\x00",
            b'{"key": "\x00"}',
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"key=a&action=balance",
        ],
    )
    def test_must_be_one_object(self, body: bytes) -> None:
        assert refused(body, CONTENT_TYPE=JSON) == "The body is not a JSON object"

    def test_names_a_parameter_once(self, key: str) -> None:
        body = b'{"key":"%s","action":"balance","action":null}' % key.encode()

        assert refused(body, CONTENT_TYPE=JSON) == "Repeated parameter: action"

    def test_may_repeat_what_we_do_not_know(self, key: str) -> None:
        body = b'{"key":"%s","action":"balance","a":1,"a":[{}],"\\ud800":{"a":1,"a":2}}'

        assert send(body % key.encode(), CONTENT_TYPE="application/json; charset=utf-8") == BALANCE

    def test_refuses_bytes_that_are_no_text_in_their_field(self, key: str) -> None:
        body = b'{"key":"%s","action":"balance\xff"}' % key.encode()

        assert refused(body, CONTENT_TYPE=JSON) == "Incorrect action"

    def test_keeps_every_digit_of_a_number(self, key: str) -> None:
        body = b'{"key":"%s","action":"status","order":%s}' % (key.encode(), b"9" * 5_000)

        assert refused(body, CONTENT_TYPE=JSON) == "Incorrect order ID"

    def test_refuses_more_than_a_thousand_fields(self, key: str) -> None:
        fields = {"key": key, "action": "balance"} | {str(number): 1 for number in range(999)}

        assert _refused_json(fields) == "Too many parameters: at most 1000"


class _Endless:
    """A body that never ends."""

    def __init__(self) -> None:
        self.bytes_read = 0

    def read(self, size: int) -> bytes:
        self.bytes_read += size
        return b"x" * size

    def readline(self) -> bytes:
        raise NotImplementedError

    def readlines(self) -> list[bytes]:
        raise NotImplementedError

    def __iter__(self) -> Iterator[bytes]:
        raise NotImplementedError


_MULTIPART = "multipart/form-data; boundary=x"


def _good_order() -> dict[str, Any]:
    return {
        "key": cast.alice(balance="10").api_key,
        "action": "add",
        "service": cast.service().pk,
        "link": LINK,
        "quantity": 100,
    }


def _parts(*groups: dict[str, str]) -> bytes:
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for fields in groups
        for name, text in fields.items()
    ]
    return ("".join(parts) + "--x--\r\n").encode()


def _multipart(fields: dict[str, str]) -> bytes:
    return send(_parts(fields), CONTENT_TYPE=_MULTIPART)


def _json(fields: dict[str, Any]) -> bytes:
    return send(json.dumps(fields).encode(), CONTENT_TYPE=JSON)


def _refused_json(fields: dict[str, Any]) -> str:
    return refused(json.dumps(fields).encode(), CONTENT_TYPE=JSON)
