"""Reads the fields of a call: from a form, a multipart form, a JSON object or a query.

Bytes that are no UTF-8 stay in the text as lone surrogates, and a JSON value that can be no
field becomes one, so that each field refuses them in its own words and in its own turn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Final
from urllib.parse import unquote_plus
from wsgiref.types import InputStream, WSGIEnvironment

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent, TooManyFilesSent
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from relaypanel.contract import FIELDS, Kind
from relaypanel.errors import Refused

# The richest order has 10 fields; clients that send a whole web form still stay far below this.
FIELDS_MAX: Final = 1_000

PARAMETERS: Final = frozenset(
    ("key", "action", "service", "order", "orders", "refill", "refills", "client_ref", *FIELDS)
)

# What stands between the items of a field that JSON may give as an array.
_SEPARATORS: Final = {
    "orders": ",",
    "refills": ",",
    **{name: "\n" for name, field in FIELDS.items() if field.kind is Kind.LINES},
}

# A text that no field accepts: half of a pair of surrogates, which no form can carry.
UNREADABLE: Final = "\ud800"

_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)

# An absent field is None where JSON says null.
_Pairs = Iterable[tuple[str, str | None]]


class NotPost(Refused):
    code = "not_post"


class BodyCompressed(Refused):
    code = "body_compressed"


class BodyTooLarge(Refused):
    code = "body_too_large"

    def __init__(self, *, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        super().__init__(f"more than {bytes_max} bytes")


class BodyIncomplete(Refused):
    """The body is shorter than it was announced: what is cut off could be half a number."""

    code = "body_incomplete"


class UnknownContentType(Refused):
    code = "unknown_content_type"


class UnreadableForm(Refused):
    code = "unreadable_form"


class UnreadableJson(Refused):
    code = "unreadable_json"


class TooManyFields(Refused):
    code = "too_many_fields"

    def __init__(self) -> None:
        self.fields_max = FIELDS_MAX
        super().__init__(f"more than {FIELDS_MAX} fields")


class RepeatedParameter(Refused):
    code = "repeated_parameter"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


def read(environ: WSGIEnvironment) -> dict[str, str]:
    """Return the fields that API v2 knows, as they were sent; all others are ignored.

    Raises one of the refusals above.  The query of a POST is never looked at: what stands in
    an address ends up in logs.
    """
    if environ["REQUEST_METHOD"] != "POST":
        if environ["REQUEST_METHOD"] == "GET" and settings.API_GET:
            return _known(_form(environ.get("QUERY_STRING", "").encode("latin-1")))
        raise NotPost
    encoding = environ.get("HTTP_CONTENT_ENCODING")
    if encoding is not None and encoding.strip().lower() != "identity":
        raise BodyCompressed
    return _known(_pairs(environ.get("CONTENT_TYPE") or "", _body(environ)))


def _body(environ: WSGIEnvironment) -> bytes:
    bytes_max: int = settings.API_BODY_BYTES_MAX
    length = _length(environ, otherwise=bytes_max + 1)
    stream = environ["wsgi.input"]
    body: bytes = stream.read(min(length, bytes_max + 1))
    if len(body) > bytes_max:
        _discard(stream, bytes_left=8 * bytes_max)
        raise BodyTooLarge(bytes_max=bytes_max)
    if environ.get("CONTENT_LENGTH") and len(body) < length:
        raise BodyIncomplete
    return body


def _length(environ: WSGIEnvironment, *, otherwise: int) -> int:
    """Return how many bytes to read; `otherwise` when only the end of the stream tells."""
    text = environ.get("CONTENT_LENGTH")
    if not text:
        # Without the server's word that the stream ends, reading on would wait for ever.
        return otherwise if environ.get("wsgi.input_terminated") else 0
    if not _LENGTH.fullmatch(text):
        raise BodyIncomplete
    return int(text)


def _discard(stream: InputStream, *, bytes_left: int) -> None:
    # A client that is still sending would see a broken connection instead of our words.
    while bytes_left > 0 and (piece := stream.read(65_536)):
        bytes_left -= len(piece)


def _pairs(content_type: str, body: bytes) -> _Pairs:
    # As most clients write it, before taking it apart.
    reader = _READERS.get(content_type)
    if reader is None:
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type == "multipart/form-data":
            return _multipart(content_type, body)
        reader = _READERS.get(media_type)
    if reader is None:
        raise UnknownContentType
    return reader(body)


def _form(body: bytes) -> _Pairs:
    text = body.decode("utf-8", "surrogateescape")
    if text.count("&") >= FIELDS_MAX:
        raise TooManyFields
    pairs = [item.partition("=")[::2] for item in text.split("&") if item]
    # Most calls escape nothing, and most of a form is not escaped.
    if not _is_escaped(text):
        return pairs
    return [(_unescaped(name), _unescaped(value)) for name, value in pairs]


def _is_escaped(text: str) -> bool:
    return "%" in text or "+" in text


def _unescaped(text: str) -> str:
    return unquote_plus(text, errors="surrogateescape") if _is_escaped(text) else text


def _multipart(content_type: str, body: bytes) -> _Pairs:
    """Return the fields of a multipart form; files in it are no fields and are ignored."""
    # A form that was cut off lacks its last boundary, which ends in two hyphens.
    if not body.rstrip().endswith(b"--"):
        raise UnreadableForm
    head = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": len(body)}
    try:
        fields, _ = MultiPartParser(head, BytesIO(body), [], "utf-8").parse()
    except MultiPartParserError:
        raise UnreadableForm from None
    except (TooManyFieldsSent, TooManyFilesSent):
        raise TooManyFields from None
    return [(name, value) for name, values in fields.lists() for value in values]


def _json(body: bytes) -> _Pairs:
    try:
        pairs = _DECODER.decode(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        raise UnreadableJson from None
    if not isinstance(pairs, tuple):
        raise UnreadableJson
    if len(pairs) > FIELDS_MAX:
        raise TooManyFields
    return [(name, _text(name, value)) for name, value in pairs]


def _text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    separator = _SEPARATORS.get(name)
    if isinstance(value, list) and separator is not None:
        return _joined(value, separator)
    return UNREADABLE


def _joined(items: list[object], separator: str) -> str:
    texts = [item for item in items if isinstance(item, str) and separator not in item]
    return separator.join(texts) if len(texts) == len(items) else UNREADABLE


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


# Numbers stay the text they were sent as, objects become tuples of their pairs, so that a
# repeated name shows, and NaN and Infinity are no JSON.
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=_refuse_constant
)

_READERS: Final[dict[str, Callable[[bytes], _Pairs]]] = {
    "": _form,
    "application/x-www-form-urlencoded": _form,
    "application/json": _json,
}


def _known(pairs: _Pairs) -> dict[str, str]:
    fields: dict[str, str | None] = {}
    for name, text in pairs:
        if name in PARAMETERS:
            if name in fields:
                raise RepeatedParameter(name)
            fields[name] = text
    return {name: text for name, text in fields.items() if text is not None}
