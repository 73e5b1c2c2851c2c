"""A plan in words for its owner, a line for each thing that changes.  All pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from relaypanel import money
from relaypanel.catalogue import likeness
from relaypanel.catalogue.guard import Held
from relaypanel.catalogue.likeness import Value
from relaypanel.catalogue.models import Cause, Closed, Outcome
from relaypanel.catalogue.plan import Path, Plan, Turn
from relaypanel.providers.answers import Listing

WORDS_MAX: Final = 60


def lines(plan: Plan) -> Iterator[str]:
    imported = {listing.upstream_id for listing in plan.imported}
    for listing in plan.seen:
        goes_up = ", goes up for sale" if listing.upstream_id in imported else ""
        yield f"new        {_listing(listing)}{goes_up}"
    for turn in plan.turns:
        yield from turn_lines(turn)


def turn_lines(turn: Turn) -> Iterator[str]:
    """Tell what changes for one service."""
    subject = f"service {turn.stock.service_id}"
    for column, value in turn.columns.items():
        words = _change(column, turn.stock.columns[column], value)
        yield f"{_kind(column, turn):<10} {subject}: {words}"
    for before, after in zip(turn.stock.paths, turn.paths, strict=True):
        for kind, words in _of_path(before, after):
            yield f"{kind:<10} {subject}: {words}"


def refused(outcome: Outcome, listed: int, known: int) -> str:
    """Tell why a price list was not followed."""
    assert outcome is not Outcome.APPLIED
    if outcome is Outcome.EMPTY:
        return "The price list is empty: that is a provider's bad day, and nothing was changed."
    return (
        f"The price list holds {listed} services where {known} were known: nothing was changed.  "
        "If that is right: relaypanel catalogue sync PROVIDER --accept-short"
    )


def waits(held: Held, now: Listing) -> str:
    """Tell what changed that waits for a person."""
    accepted = held.accepted
    if held.cause is Cause.TYPE:
        return f"type, {accepted.type.value} → {now.type.value}"
    if held.cause is Cause.REUSED:
        return f"reused, {_text(accepted.name)} → {_text(now.name)}"
    rates = f"{money.text(accepted.rate_e8)} → {money.text(now.rate_e8)}"
    return f"{held.cause.replace('_', ' ')}, {rates}"


def _kind(column: str, turn: Turn) -> str:
    if column == "rate_e8":
        return "rate up" if turn.after.rate_e8 > turn.stock.rate_e8 else "rate down"
    if column == "visibility":
        return "on" if turn.after.is_on else "off"
    return "changed"


def _change(column: str, before: Value, after: Value) -> str:
    if column == "rate_e8":
        return f"{_amount(before)} → {_amount(after)}"
    if column == "visibility":
        return f"{before} → {after}"
    return f"{column} {_text(before)} → {_text(after)}"


def _of_path(before: Path, after: Path) -> Iterator[tuple[str, str]]:
    if after.held is not None and after.held != before.held:
        yield "waits", waits(after.held, after.listing)
    if after.held is None and before.held is not None:
        yield "released", _listing(after.listing)
    if after.closed_for != before.closed_for == Closed.VANISHED:
        yield "back", _listing(after.listing)
    if before.closed_for != after.closed_for == Closed.VANISHED:
        yield "vanished", _listing(after.listing)


def _listing(listing: Listing) -> str:
    return (
        f"{listing.upstream_id}  {money.text(listing.rate_e8)}  {listing.type.value}  "
        f"{likeness.line(listing.name, WORDS_MAX)}"
    )


def _amount(rate_e8: Value) -> str:
    assert isinstance(rate_e8, int)
    return money.text(rate_e8)


def _text(value: Value) -> str:
    return repr(likeness.line(value, WORDS_MAX)) if isinstance(value, str) else str(value)
