"""Turns the replies of other panels into answers: every shape of the market is met here.

An answer counts only for an ID that was asked about.  An ID of which nothing readable was
said is absent from the result, and then nothing is known of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from relaypanel import errors
from relaypanel.contract import SubscriptionWord
from relaypanel.http import Reply
from relaypanel.providers import dialect, faults, refusals
from relaypanel.providers.answers import (
    Accepted,
    AddAnswer,
    Balance,
    Fault,
    RefillStatus,
    RefillTaken,
    Rejected,
    Unclear,
    UpstreamStatus,
)
from relaypanel.providers.dialect import Json

Read = TypeVar("Read")

_ORDER_KEYS: Final = frozenset(("order", "order_id", "orders", "id"))
_DONE: Final = frozenset(("true", "ok", "success", "yes", "canceled", "cancelled", "pending"))


class _Unreadable(Exception):
    """Nothing can be told from this row."""


def classify(reply: Reply) -> AddAnswer:
    """Return what a reply to `add` means.  What is not plain is Unclear: the order may exist."""
    if not (_is_success(reply) or _is_client_error(reply)):
        return Unclear(reason=f"HTTP {reply.status}")
    try:
        data = dialect.decode(reply.body)
    except dialect.NotJson:
        return Unclear(reason=f"HTTP {reply.status} without one JSON document")
    if not isinstance(data, dict):
        return Unclear(reason="JSON that is not an object")
    return _classify(reply, data)


def document(reply: Reply) -> Json:
    """Return the JSON of a reply to any call but `add`.  Raises ProviderError."""
    if not (_is_success(reply) or _is_client_error(reply)):
        raise errors.ProviderError(f"HTTP {reply.status}")
    try:
        data = dialect.decode(reply.body)
    except dialect.NotJson:
        raise errors.ProviderError(f"HTTP {reply.status} without one JSON document") from None
    if _is_success(reply):
        return data
    refusal = refusals.find(data, status=reply.status)
    if refusal is None:
        raise errors.ProviderError(f"HTTP {reply.status}")
    if refusal.fault in faults.ABOUT_THE_CALL:
        raise faults.Declined(refusal)
    # Some panels say "Incorrect order ID" under 400 or 404.
    return data


def statuses(data: Json, *, ids: Sequence[str]) -> dict[str, UpstreamStatus | Rejected]:
    return _told(data, ids=ids, name="order", read=_status)


def cancels(data: Json, *, ids: Sequence[str]) -> dict[str, Rejected | None]:
    return _told(data, ids=ids, name="order", read=_cancel)


def refills(data: Json, *, ids: Sequence[str]) -> dict[str, RefillTaken | Rejected]:
    return _told(data, ids=ids, name="order", read=_refill)


def refill_statuses(data: Json, *, ids: Sequence[str]) -> dict[str, RefillStatus | Rejected]:
    return _told(data, ids=ids, name="refill", read=_refill_status)


def balance(data: Json, *, currency: str) -> Balance:
    """Return our balance there; `currency` is for panels that do not say theirs."""
    refusal = refusals.find(data)
    if refusal is not None:
        raise faults.Declined(refusal)
    row = data if isinstance(data, dict) else {}
    amount_e8 = dialect.amount_e8(row.get("balance"))
    if amount_e8 is None:
        raise errors.ProviderError("a balance that cannot be read")
    told = dialect.text(row.get("currency")).upper()
    return Balance(amount_e8=amount_e8, currency=told or currency)


def _is_success(reply: Reply) -> bool:
    return 200 <= reply.status < 300


def _is_client_error(reply: Reply) -> bool:
    return 400 <= reply.status < 500


def _classify(reply: Reply, data: dict[str, Json]) -> AddAnswer:
    error = refusals.said(data)
    if error is not None and _ORDER_KEYS & data.keys():
        return Unclear(reason="both an order and an error")
    if isinstance(error, str) and refusals.are_words(error):
        return faults.rejected(error, status=reply.status)
    upstream_id = dialect.identifier(data.get("order"))
    if upstream_id is None:
        return Unclear(reason="neither the ID of an order nor an error in words")
    if not _is_success(reply):
        return Unclear(reason=f"an order under HTTP {reply.status}")
    return Accepted(upstream_id=upstream_id)


def _told(
    data: Json, *, ids: Sequence[str], name: str, read: Callable[[Json], Read | Rejected]
) -> dict[str, Read | Rejected]:
    if not isinstance(data, (dict, list)):
        raise errors.ProviderError("JSON that is neither an object nor a list")
    rows = _rows(data, ids, name)
    if not rows:
        return _told_without_ids(data, ids, name, read)
    told: dict[str, Read | Rejected] = {}
    for asked, row in rows.items():
        try:
            told[asked] = read(row)
        except _Unreadable:
            continue
    return told


def _rows(data: dict[str, Json] | list[Json], ids: Sequence[str], name: str) -> dict[str, Json]:
    """Return what was said under each ID that was asked about, and said once."""
    found: defaultdict[str, list[Json]] = defaultdict(list)
    if isinstance(data, dict) and not _names_its_id(data, name):
        for key, row in data.items():
            found[key.strip()].append(row)
    else:
        for row in [data] if isinstance(data, dict) else data:
            found[_id_of(row, name)].append(row)
    return {asked: found[asked][0] for asked in ids if len(found[asked]) == 1}


def _told_without_ids(
    data: dict[str, Json] | list[Json],
    ids: Sequence[str],
    name: str,
    read: Callable[[Json], Read | Rejected],
) -> dict[str, Read | Rejected]:
    """Read a reply that names no ID: it is about the only one asked, or about the whole call."""
    row = data[0] if isinstance(data, list) and len(data) == 1 else data
    if not isinstance(row, dict) or _names_its_id(row, name):
        return {}
    if len(ids) > 1:
        refusal = refusals.find(row)
        if refusal is not None:
            raise faults.Declined(refusal)
        return {}
    try:
        answer = read(row)
    except _Unreadable:
        return {}
    if isinstance(answer, Rejected) and answer.fault in faults.ABOUT_THE_CALL:
        raise faults.Declined(answer)
    return {ids[0]: answer}


def _names_its_id(row: dict[str, Json], name: str) -> bool:
    return _id_of(row, name) != ""


def _id_of(row: Json, name: str) -> str:
    if not isinstance(row, dict):
        return ""
    return dialect.identifier(row.get(name)) or dialect.identifier(row.get("id")) or ""


def _status(row: Json) -> UpstreamStatus | Rejected:
    refusal = refusals.find(row)
    if refusal is not None:
        return refusal
    if not isinstance(row, dict) or "status" not in row:
        raise _Unreadable
    cost_e8 = dialect.amount_e8(row.get("charge"))
    word, subscription = dialect.order_word(row["status"]), _subscription(row)
    is_known = word is not None or subscription is not None
    return UpstreamStatus(
        word=word,
        start_count=dialect.whole(row.get("start_count")),
        remains=dialect.whole(row.get("remains")),
        cost_e8=None if cost_e8 is None or cost_e8 < 0 else cost_e8,
        children=_children(row.get("orders")),
        subscription=subscription,
        said="" if is_known else faults.for_staff(dialect.text(row["status"])),
    )


def _subscription(row: dict[str, Json]) -> SubscriptionWord | None:
    # Completed and Canceled are words of plain orders too: only a subscription counts posts.
    if row.keys().isdisjoint(("posts", "expiry")):
        return None
    return dialect.subscription_word(row["status"])


def _children(value: Json) -> tuple[str, ...]:
    items = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else []
    ids = (dialect.identifier(item) for item in items)
    return tuple(dict.fromkeys(upstream_id for upstream_id in ids if upstream_id))


def _cancel(row: Json) -> Rejected | None:
    value = _first(row, "cancel", "success", "status")
    refusal = _refusal_of_row(row)
    if refusal is not None:
        return refusal
    if value is True or dialect.identifier(value) or dialect.letters(value) in _DONE:
        return None
    return _no(value)


def _refill(row: Json) -> RefillTaken | Rejected:
    value = _first(row, "refill")
    upstream_id = dialect.identifier(value)
    if upstream_id is not None:
        return RefillTaken(upstream_id=upstream_id)
    return _refusal_of_row(row) or _no(value)


def _refusal_of_row(row: Json) -> Rejected | None:
    return refusals.find(row) if isinstance(row, dict) else None


def _no(value: Json) -> Rejected:
    refusal = refusals.find(value)
    if refusal is None and value not in (False, "0"):
        raise _Unreadable
    return refusal or Rejected(fault=Fault.OTHER, words="it says no and not why")


def _refill_status(row: Json) -> RefillStatus | Rejected:
    value = _first(row, "status")
    word = dialect.refill_word(value)
    if word is not None:
        return RefillStatus(word=word)
    refusal = refusals.find(row)
    if refusal is not None:
        return refusal
    if not isinstance(value, str):
        raise _Unreadable
    return RefillStatus(word=None)


def _first(row: Json, *names: str) -> Json:
    """Return the first of these that a row has; a row may also be the bare value itself."""
    if not isinstance(row, dict):
        return row
    return next((row[name] for name in names if name in row), None)
