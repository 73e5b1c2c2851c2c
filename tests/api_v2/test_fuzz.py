"""Bodies that nobody wrote by hand: whatever they say, the door answers as doors do."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relaypanel.api_v2.request import PARAMETERS
from relaypanel.contract import Action, OrderType
from tests import cast
from tests.api_v2.client import FORM, JSON, refused, send

pytestmark = pytest.mark.django_db

# The cast is the same for all examples of a test: none of them may change it.
EXAMPLES = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])

names = st.sampled_from(sorted(PARAMETERS - {"key"})) | st.text(max_size=2)
texts = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.integers().map(str),
    st.sampled_from([*Action, "1,2,,x", "\x00", "NaN", "1e400", "\ud800", "9" * 5000]),
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@pytest.fixture
def key() -> str:
    """Return the key of somebody who could buy, if only the order were a good one."""
    return cast.alice(balance="1000").api_key


class TestAnyBody:
    @EXAMPLES
    @given(
        body=st.binary(max_size=300),
        content_type=st.sampled_from([FORM, JSON, "multipart/form-data; boundary=x", "", "a"]),
    )
    def test_without_a_key_is_refused(self, body: bytes, content_type: str) -> None:
        assert refused(body, CONTENT_TYPE=content_type)

    @EXAMPLES
    @given(parts=st.lists(st.binary(max_size=60), max_size=6))
    def test_in_parts_is_refused(self, parts: list[bytes]) -> None:
        head = b"\r\n--x\r\nContent-Disposition: form-data; "
        body = head.join([b"", *parts]) + b"\r\n--x--"

        assert refused(body, CONTENT_TYPE="multipart/form-data; boundary=x")

    @EXAMPLES
    @given(fields=st.dictionaries(names, texts, max_size=8))
    def test_with_a_key_gets_an_answer(self, key: str, fields: dict[str, str]) -> None:
        pairs = [(_quoted(name), _quoted(text)) for name, text in fields.items()]
        body = "&".join(f"{name}={text}" for name, text in [("key", key), *pairs])

        send(body.encode())

    @EXAMPLES
    @given(fields=st.dictionaries(names, values, max_size=8), action=st.sampled_from(Action))
    def test_of_json_with_a_key_gets_an_answer(
        self, key: str, fields: dict[str, Any], action: Action
    ) -> None:
        body = json.dumps(fields | {"key": key, "action": action}).encode()

        send(body, CONTENT_TYPE=JSON)


class TestAnyOrder:
    @EXAMPLES
    @given(
        type=st.sampled_from(OrderType),
        fields=st.dictionaries(names.filter(lambda name: name != "action"), texts, max_size=8),
    )
    def test_for_a_service_that_is_not_sold_is_refused(
        self, key: str, type: OrderType, fields: dict[str, str]
    ) -> None:
        pairs = {name: text.encode("utf-8", "surrogatepass") for name, text in fields.items()}
        body = urlencode({"key": key, "action": "add"} | pairs | {"service": "999999"})

        assert refused(body.encode()) in ("Incorrect service ID", "Incorrect client_ref")

    @EXAMPLES
    @given(fields=st.dictionaries(names.filter(lambda name: name != "action"), texts, max_size=8))
    def test_without_a_link_is_refused(self, key: str, fields: dict[str, str]) -> None:
        service = cast.service(rate="1")
        pairs = {name: text.encode("utf-8", "surrogatepass") for name, text in fields.items()}
        pairs |= {"service": str(service.pk).encode(), "link": b" "}
        pairs.pop("client_ref", None)

        body = urlencode({"key": key, "action": "add"} | pairs).encode()

        assert refused(body) == "Bad link"


def _quoted(text: str) -> str:
    try:
        return quote_from_bytes(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return quote_from_bytes(text.encode("utf-8", "surrogatepass"))
