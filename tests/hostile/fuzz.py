"""Makes calls that nobody in their right mind makes, and writes down what the door answers.

    python -m tests.hostile.fuzz SHOP CALLS ANSWERS

Runs in a process of its own, on the database of DATABASE_URL, so that one run can ask both
engines the same.  Each call is undone, so that no answer depends on the calls before it.
With TWIN=1 the door reads numbers as Python does, and asks the database with whatever comes.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from relaypanel.contract import FIELDS, Action

TRAPS = (
    *("", " ", "0", "-1", "-0", "+5", "01", "1.0", "1e0", "1e3", "5.5", "5,000", "5 000", "1_000"),
    *("0x10", "１２", "٣", "²", " 12 ", "12\n", "12\x00", "NaN", "inf", "1e400", "null", "true"),
    *("2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "1" + "0" * 30),
    *(
        "9" * 4301,
        "1,2",
        "1,2,,x",
        ",",
        "[1]",
        "1;DROP TABLE orders_order",
        "' OR 1=1--",
        "%",
        "\\",
    ),
    *("\x00", "\ud800", "\ufffd", "\u202e", "a\r\nb", "'", '"', "<script>", "=cmd()", "__class__"),
    *(
        "javascript:alert(1)",
        "data:,x",
        "file:///etc/passwd",
        "//x",
        "http://a@b/",
        "http://127.0.0.1/",
    ),
    *(
        "https://example.com/ok",
        "https://example.com/" + "x" * 2049,
        "@user",
        "31/02/2030",
        "a\nb\nc",
    ),
    *("10", "100", "10000", "10001", "{service}", "{order}", "{foreign}", "{service},{order}"),
    *(",".join(map(str, range(101))), "{order},{order},{foreign},7", "\n\n\n", "Đẹp 👍"),
)
NAMES = sorted({"action", "service", "order", "orders", "refill", "refills", "client_ref", *FIELDS})

texts = st.one_of(
    st.sampled_from(TRAPS),
    st.text(max_size=20),
    st.integers(-10, 2**70).map(str),
    st.binary(max_size=10).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)
calls = st.fixed_dictionaries(
    {
        "action": st.sampled_from([*Action, *Action, "Add", " add", "add\x00", "", "../"]),
        "right_key": st.sampled_from([True] * 9 + [False]),
        "sound": st.booleans(),
        "fields": st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), texts, max_size=6),
        "form": st.sampled_from(["form", "form", "form", "json", "multipart"]),
    }
)


def make(number: int, *, seed: int) -> list[dict[str, Any]]:
    """Return so many calls, the same ones each time."""
    made: list[dict[str, Any]] = []

    @settings(
        max_examples=number,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(calls, st.just(seed))
    def collect(one: dict[str, Any], _: int) -> None:
        made.append(one)

    collect()
    return made[:number]


def main(calls_file: str, answers_file: str) -> None:
    import django

    django.setup()
    if os.environ.get("TWIN"):
        _read_numbers_as_python_does()
    shop = _open()
    told = [_ask(one, shop) for one in json.loads(Path(calls_file).read_text())]
    Path(answers_file).write_text(json.dumps(told))


def _open() -> dict[str, str]:
    from relaypanel.contract import OrderType
    from tests import cast
    from tests.api_v2 import client

    alice, bob = cast.alice(balance="1000"), cast.bob()
    kinds = {kind: cast.service(type=kind, dripfeed=True, cancel=True) for kind in OrderType}
    service = kinds[OrderType.DEFAULT]
    return {
        "key": alice.api_key,
        "service": str(service.pk),
        "order": str(client.order(alice.user, service).pk),
        "foreign": str(client.order(bob.user, service).pk),
    }


def _ask(one: Mapping[str, Any], shop: Mapping[str, str]) -> dict[str, Any]:
    from django.db import transaction

    from tests.api_v2 import client

    body, content_type = _body(one, shop)
    with transaction.atomic():
        before = client._everything()
        reply = client.serve(client.environment(body, CONTENT_TYPE=content_type))
        # A fault of the database spoils the transaction, and with it the look at what was written.
        spoiled = transaction.get_connection().needs_rollback
        changed = spoiled or client._everything() != before
        transaction.set_rollback(True)
    text = reply.body.decode()
    return {
        "status": reply.status,
        "json": reply.headers["Content-Type"] == "application/json; charset=utf-8"
        and _is_json(text),
        # Numbers that a sequence has given differ by engine, because nothing gives them back.
        "text": re.sub(r'("order"|"refill"):"?\d+"?', r"\1:N", text),
        "wrote": changed,
        "leaks": shop["key"] in text or bool(re.search(r"Traceback|relaypanel\.|SELECT ", text)),
    }


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _body(one: Mapping[str, Any], shop: Mapping[str, str]) -> tuple[bytes, str]:
    sound = {"service": "{service}", "link": "https://example.com/a", "quantity": "100"}
    fields = (sound if one["sound"] else {}) | {"action": one["action"]} | one["fields"]
    fields["key"] = shop["key"] if one["right_key"] else "0" * 32
    filled = {name: _filled(str(text), shop) for name, text in fields.items()}
    if one["form"] == "json":
        return json.dumps(filled).encode(), "application/json"
    if one["form"] == "multipart":
        parts = (
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
            for name, text in filled.items()
        )
        return _bytes("".join(parts) + "--x--\r\n"), "multipart/form-data; boundary=x"
    pairs = (
        f"{quote_from_bytes(_bytes(n))}={quote_from_bytes(_bytes(t))}" for n, t in filled.items()
    )
    return "&".join(pairs).encode(), "application/x-www-form-urlencoded"


def _filled(text: str, shop: Mapping[str, str]) -> str:
    for name in ("service", "order", "foreign"):
        text = text.replace(f"{{{name}}}", shop[name])
    return text


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _read_numbers_as_python_does() -> None:
    from relaypanel.api_v2 import ids

    ids.one = int  # type: ignore[assignment]


if __name__ == "__main__":
    main(*sys.argv[1:])
