"""Mass orders: a text with an order a line, `service | link | quantity`.

What stands behind the service are the fields that its type needs, in the contract's order: the
items of a list, like comments, are separated by semicolons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

from relaypanel import errors
from relaypanel.catalogue.models import Service, Visibility
from relaypanel.contract import FIELDS, TYPES, Kind, OrderType
from relaypanel.orders import place
from relaypanel.orders.models import Order
from relaypanel.orders.place import IncorrectService, OrderRequest, Quote

LINES_MAX: Final = 500

_ID: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_ITEMS: Final = ";"
_PARTS: Final = "|"


class TooManyLines(errors.Refused):
    code = "too_many_lines"

    def __init__(self) -> None:
        self.maximum = LINES_MAX
        super().__init__(f"more than {LINES_MAX}")


class UnreadableLine(errors.Refused):
    """The line has fewer parts than its service needs, or more."""

    code = "unreadable_line"

    def __init__(self, *, form: str) -> None:
        self.form = form
        super().__init__(form)


V = TypeVar("V")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line(Generic[V]):
    """A line and what became of it; `number` counts from 1, and `service` is None if unknown."""

    number: int
    text: str
    service: Service | None
    verdict: V | errors.Refused


def split(text: str) -> list[str]:
    """Return the lines that are not blank.  Raises TooManyLines."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > LINES_MAX:
        raise TooManyLines
    return lines


def form(order_type: OrderType) -> str:
    """Return how a line of this type looks: "service | link | quantity"."""
    parts = (
        f"{name}{_ITEMS}…" if FIELDS[name].kind is Kind.LINES else name
        for name in TYPES[order_type].needed
    )
    return f" {_PARTS} ".join(["service", *parts])


def preview(*, user_id: int, lines: Sequence[str], now: datetime) -> list[Line[Quote]]:
    """Return the price of each line, or what is refused about it, each after those before it."""
    read = _read(user_id, lines)
    wanted = [one for one in read if isinstance(one.verdict, OrderRequest)]
    verdicts = place.preview(requests=[_request(one) for one in wanted], now=now)
    return _judged(read, verdicts)


def order(
    *, user_id: int, lines: Sequence[str], prices_e8: Sequence[int], ref: str, now: datetime
) -> list[Line[Order]]:
    """Place all lines in one transaction, none above the price that was shown for it.

    The same text under the same `ref` buys once, however often it is sent.
    """
    assert len(lines) == len(prices_e8)
    read = _read(user_id, lines, prices_e8, ref)
    wanted = [one for one in read if isinstance(one.verdict, OrderRequest)]
    verdicts = place.place(requests=[_request(one) for one in wanted], now=now)
    return _judged(read, verdicts)


def _read(
    user_id: int, lines: Sequence[str], prices_e8: Sequence[int] | None = None, ref: str = ""
) -> list[Line[OrderRequest]]:
    parts = [[part.strip() for part in line.split(_PARTS)] for line in lines]
    services = Service.objects.filter(visibility=Visibility.ENABLED).in_bulk(
        {int(first) for first, *_ in parts if _ID.fullmatch(first)}
    )
    read: list[Line[OrderRequest]] = []
    for index, (text, (first, *rest)) in enumerate(zip(lines, parts, strict=True)):
        service = services.get(int(first)) if _ID.fullmatch(first) else None
        fields = _fields(service, rest) if service else IncorrectService()
        verdict: OrderRequest | errors.Refused
        if isinstance(fields, errors.Refused):
            verdict = fields
        else:
            assert service is not None
            verdict = OrderRequest(
                user_id=user_id,
                service_id=service.pk,
                fields=fields,
                client_ref=f"{ref}:{index + 1}" if ref else None,
                price_max_e8=prices_e8[index] if prices_e8 else None,
            )
        read.append(Line(number=index + 1, text=text, service=service, verdict=verdict))
    return read


def _fields(service: Service, parts: Sequence[str]) -> Mapping[str, str] | errors.Refused:
    order_type = OrderType(service.type)
    needed = TYPES[order_type].needed
    if len(parts) != len(needed):
        return UnreadableLine(form=form(order_type))
    return {
        name: part.replace(_ITEMS, "\n") if FIELDS[name].kind is Kind.LINES else part
        for name, part in zip(needed, parts, strict=True)
    }


def _request(line: Line[OrderRequest]) -> OrderRequest:
    assert isinstance(line.verdict, OrderRequest)
    return line.verdict


def _judged(
    read: Sequence[Line[OrderRequest]], verdicts: Sequence[V | errors.Refused]
) -> list[Line[V]]:
    """Return the lines with their verdicts in place of the requests."""
    left = iter(verdicts)
    return [
        Line(
            number=one.number,
            text=one.text,
            service=one.service,
            verdict=one.verdict if isinstance(one.verdict, errors.Refused) else next(left),
        )
        for one in read
    ]
