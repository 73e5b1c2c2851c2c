"""Every address that the pages have, whatever they are by now, with a way to call each.

What is asked here is asked of all of them: a page that is added tomorrow is walked tomorrow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter, SlugConverter, StringConverter, UUIDConverter

# A thing that nobody has.
ABSENT = 987_654_321
# Of other origin, or for programs: what they need instead of a session and a token is their own.
STATIC = "static/"

_TOKEN = re.compile(r'(csrfmiddlewaretoken" value=|X-CSRFToken": )"[^"]+"')
_GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """`path` with a gap for each name: orders/{order_id}."""

    path: str
    gaps: Mapping[str, type]
    view: Callable[..., Any]
    exempt: bool

    @property
    def module(self) -> str:
        view = getattr(self.view, "view_class", self.view)
        return str(getattr(view, "__module__", ""))

    @property
    def is_staff(self) -> bool:
        return self.module.startswith(("relaypanel.staff", "relaypanel.adminapi"))

    def filled(self, number: int) -> str:
        """Return the path with one number in every gap."""
        values = {name: _value(kind, number) for name, kind in self.gaps.items()}
        return "/" + self.path.format_map(values)

    def fillings(self, numbers: Iterable[int]) -> list[str]:
        return list(dict.fromkeys(self.filled(number) for number in numbers))


def addresses() -> list[Address]:
    """Return all of them but static files."""
    return [one for one in _walk(get_resolver(), "", {}) if not one.path.startswith(STATIC)]


def body(client: Client, method: str, path: str, data: Mapping[str, Any] | None = None) -> Reply:
    """Return the answer without what differs each time: tokens, and the path itself."""
    client.raise_request_exception = False
    response = getattr(client, method)(path, data or {})
    pieces = response.streaming_content if response.streaming else [response.content]
    text = b"".join(pieces).decode(errors="replace")
    plain, place = _TOKEN.sub("", text), response.headers.get("Location", "")
    # The page that is all paths' beginning is not taken out of them.
    for said in (path, quote(path, safe="")) if path != "/" else ():
        plain, place = plain.replace(said, "/PATH"), place.replace(said, "/PATH")
    return Reply(
        status=response.status_code,
        text=plain,
        place=place,
        headers={name.lower(): value for name, value in response.headers.items()},
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    status: int
    text: str
    place: str
    headers: Mapping[str, str]

    def is_like(self, other: Reply, *, numbers: tuple[int, int]) -> bool:
        """Tell whether two answers are the same but for the numbers that were asked for."""
        mine, theirs = (self.text, self.place), (other.text, other.place)
        if self.status != other.status:
            return False
        return mine == theirs or all(
            gone(one, numbers[0]) == gone(two, numbers[1])
            for one, two in zip(mine, theirs, strict=True)
        )


def difference(one: Reply, other: Reply) -> str:
    """Return the first line in which two answers differ, for whoever has to find out why."""
    if one.status != other.status:
        return f"{one.status}, {other.status}"
    lines = zip(one.text.splitlines(), other.text.splitlines(), strict=False)
    return next((f"{a!r}, {b!r}" for a, b in lines if a != b), "their lengths")


def gone(text: str, number: int) -> str:
    """Return the text without a number that was asked for."""
    return re.sub(rf"(?<!\d){number}(?!\d)", "N", text)


def _walk(resolver: URLResolver, prefix: str, gaps: Mapping[str, type]) -> Iterator[Address]:
    for pattern in resolver.url_patterns:
        converters = {n: type(c) for n, c in pattern.pattern.converters.items()}
        path, more = _gapped(prefix, str(pattern.pattern)), {**gaps, **converters}
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, path, more)
        elif isinstance(pattern, URLPattern):
            names = set(re.findall(r"{(\w+)}", path))
            kinds = {name: more.get(name, StringConverter) for name in names}
            exempt = bool(getattr(pattern.callback, "csrf_exempt", False))
            yield Address(path=path, gaps=kinds, view=pattern.callback, exempt=exempt)


def _gapped(prefix: str, pattern: str) -> str:
    bare = _GROUP.sub(r"{\1}", pattern.removeprefix("^").removesuffix("$").removesuffix(r"\Z"))
    return prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", bare).replace("\\", "")


def _value(kind: type, number: int) -> str:
    if issubclass(kind, IntConverter | StringConverter | SlugConverter):
        return str(number)
    if issubclass(kind, UUIDConverter):
        return f"00000000-0000-0000-0000-{number:012d}"
    return str(number)
