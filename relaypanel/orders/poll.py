"""Applies what providers say about orders they work on, or worked on until lately.

An order that did not change costs no write.  What a provider says is hostile input: an
answer counts only for the order it was asked about, and numbers are clamped.  Orders whose
money stays where it is are written together; each of the others has a transaction of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, Final

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from relaypanel.contract import OrderWord
from relaypanel.ledger import book
from relaypanel.orders import refund, schedules, states, subscriptions
from relaypanel.orders.models import FINAL, Order, OrderEvent, Status
from relaypanel.orders.oddities import Oddities, Oddity
from relaypanel.providers.answers import Fault, Rejected, UpstreamStatus

log = structlog.get_logger(__name__)

Told = Mapping[str, UpstreamStatus | Rejected]

# It was refunded here, and its provider says that it goes on or ended otherwise.
CONTRADICTED: Final = "contradicted"

_REFUNDED: Final = (Status.PARTIAL, Status.CANCELED)
_PROGRESS: Final = ("start_count", "remains", "cost_e8")
# What writing together reads of an order once it is locked.
_WRITTEN: Final = ("id", "status", "token", "link", "upstream_service", *_PROGRESS)

# Three numbers for each of a hundred orders as one statement of Django's own, a CASE for each
# column, take its compiler eight times as long.  Both databases name the columns of VALUES so.
_WRITE_PROGRESS: Final = """
    UPDATE orders_order
    SET start_count = CAST(news.column2 AS bigint),
        remains = CAST(news.column3 AS bigint),
        cost_e8 = CAST(news.column4 AS bigint)
    FROM (VALUES {rows}) AS news
    WHERE orders_order.id = CAST(news.column1 AS bigint)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Change:
    """Where an order should stand, and the clean numbers that were told with that."""

    order: Order
    to: Status
    told: Mapping[str, Any]

    @property
    def moves_money(self) -> bool:
        return self.to in _REFUNDED


@dataclass(frozen=True, kw_only=True, slots=True)
class _Remark:
    """Something for staff, once in the life of an order; `detail` is what the provider said."""

    order: Order
    reason: str
    detail: str


def settle(*, orders: Sequence[Order], told: Told, oddities: Oddities, now: datetime) -> int:
    """Apply what a provider told about `orders`, by upstream ID; return how many changed.

    An order that it did not mention stays as it is.  One that fails harms no other.
    """
    answers = [(order, told.get(order.upstream_id or "")) for order in orders]
    changes = [
        change
        for order, answer in answers
        if not subscriptions.is_one(order) and (change := _change(order, answer))
    ]
    changed = _write_all([change for change in changes if not change.moves_money], now=now)
    for change in changes:
        if change.moves_money:
            changed += _alone(change.order, partial(_end, change, now=now))
    for order, answer in answers:
        if subscriptions.is_one(order) and isinstance(answer, UpstreamStatus):
            changed += _alone(order, partial(_follow, order, answer, told, now=now))
    found = (_remark(order, answer, oddities) for order, answer in answers)
    _write_remarks([remark for remark in found if remark], now=now)
    return changed


def _change(order: Order, answer: UpstreamStatus | Rejected | None) -> _Change | None:
    """Return what an answer changes about an order, None if nothing."""
    if not isinstance(answer, UpstreamStatus):
        return None
    to = _status(order, answer)
    if order.status in FINAL and to not in states.ARROWS[Status(order.status)]:
        # It has ended.  Only a panel that takes its Completed back is listened to.
        return None
    told = _numbers(order, answer)
    if to == order.status and all(getattr(order, name) == told[name] for name in told):
        return None
    return _Change(order=order, to=to, told=told)


def _status(order: Order, answer: UpstreamStatus) -> Status:
    # An unknown word means keep polling, never an end.  And without a clean number nobody knows
    # what to give back: never guess with money.
    if answer.word is None or (answer.word is OrderWord.PARTIAL and answer.remains is None):
        return Status(order.status)
    return states.FROM_WORD[answer.word]


def _numbers(order: Order, answer: UpstreamStatus) -> dict[str, int]:
    told = {
        "start_count": answer.start_count,
        "remains": _clamped(order, answer.remains),
        "cost_e8": answer.cost_e8,
    }
    return {name: value for name, value in told.items() if value is not None}


def _clamped(order: Order, remains: int | None) -> int | None:
    return None if remains is None else min(max(remains, 0), order.quantity)


def _write_all(changes: Sequence[_Change], *, now: datetime) -> int:
    """Write changes without money in one transaction, or one by one where that fails."""
    if len(changes) > 1:
        try:
            return _write(changes, now=now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # noqa: BLE001 - one by one tells whose it is
            log.info("poll_one_by_one", orders=len(changes))
    return sum(_alone(change.order, partial(_write, [change], now=now)) for change in changes)


def _alone(order: Order, act: Callable[[], int]) -> int:
    """Return what `act` returns, 0 where it fails: a bug that one order trips over is its own."""
    try:
        return act()
    except states.LostRace:
        # Somebody moved it meanwhile; the next sweep sees where it stands.
        log.info("poll_lost_race", order=order.pk)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("poll_failed", order=order.pk)
    return 0


def _write(changes: Sequence[_Change], *, now: datetime) -> int:
    wanted = {change.order.pk: change for change in changes}
    with transaction.atomic():
        rows = Order.objects.filter(pk__in=wanted).order_by("pk").only(*_WRITTEN)
        # No account is waited for while these are held.
        locked = rows.select_for_update(of=("self",), no_key=True)
        held = [order for order in locked if order.status == wanted[order.pk].order.status]
        _write_progress(held, wanted)
        for to, orders in _movers(held, wanted):
            if to is Status.COMPLETED:
                refund.complete_all(orders, now=now, reason="upstream")
            else:
                states.move_all(orders, to=to, now=now, reason="upstream")
    if len(held) < len(wanted):
        log.info("poll_lost_race", orders=sorted(wanted.keys() - {order.pk for order in held}))
    return len(held)


def _write_progress(held: Sequence[Order], wanted: Mapping[int, _Change]) -> None:
    rows = [
        (order.pk, *(wanted[order.pk].told.get(name, getattr(order, name)) for name in _PROGRESS))
        for order in held
        if wanted[order.pk].told
    ]
    if rows:
        places = ", ".join(["(%s, %s, %s, %s)"] * len(rows))
        with connection.cursor() as cursor:
            cursor.execute(_WRITE_PROGRESS.format(rows=places), list(chain.from_iterable(rows)))
            assert cursor.rowcount == len(rows)


def _movers(
    held: Iterable[Order], wanted: Mapping[int, _Change]
) -> Iterable[tuple[Status, list[Order]]]:
    """Return where orders go, with those that come from the same status."""
    ways: defaultdict[tuple[str, Status], list[Order]] = defaultdict(list)
    for order in held:
        to = wanted[order.pk].to
        if to != order.status:
            ways[order.status, to].append(order)
    return [(to, orders) for (_, to), orders in ways.items()]


def _end(change: _Change, *, now: datetime) -> int:
    """End an order whose money flows back."""
    with transaction.atomic():
        book.lock([change.order.user_id])
        order = Order.objects.select_for_update(of=("self",), no_key=True).get(pk=change.order.pk)
        was = change.order.status
        if order.status != was:
            raise states.LostRace(f"order {order.pk}")
        refund.end(order, to=change.to, now=now, reason="upstream", **change.told)
        if was == Status.COMPLETED:
            schedules.follow_correction(order, now=now)
    return 1


def _follow(order: Order, answer: UpstreamStatus, told: Told, *, now: datetime) -> int:
    """Follow a subscription: its posts first, then its own order."""
    followed = subscriptions.follow(parent=order, answer=answer, told=told, now=now)
    change = _change(order, followed.answer)
    if change is None:
        return int(followed.changed)
    return _end(change, now=now) if change.moves_money else _write([change], now=now)


def _remark(
    order: Order, answer: UpstreamStatus | Rejected | None, oddities: Oddities
) -> _Remark | None:
    if order.status in FINAL:
        oddities.note(order.pk, None)
        return _contradiction(order, answer)
    oddity = _oddity(order, answer)
    if not oddities.note(order.pk, oddity):
        return None
    assert oddity is not None
    return _Remark(order=order, reason=oddity.value, detail=_said(answer))


def _contradiction(order: Order, answer: UpstreamStatus | Rejected | None) -> _Remark | None:
    """Find an order that was refunded here, while its provider says that it ended otherwise.

    Nothing is charged again by itself: staff are told.
    """
    if order.status not in _REFUNDED or not isinstance(answer, UpstreamStatus):
        return None
    if answer.word is None or states.FROM_WORD[answer.word] == order.status:
        return None
    return _Remark(order=order, reason=CONTRADICTED, detail=_said(answer))


def _oddity(order: Order, answer: UpstreamStatus | Rejected | None) -> Oddity | None:
    match answer:
        case None:
            return Oddity.NO_ANSWER
        case Rejected(fault=Fault.UNKNOWN_ORDER):
            return Oddity.VANISHED
        case Rejected():
            return Oddity.REFUSED
        case UpstreamStatus(word=None, subscription=None):
            return Oddity.UNKNOWN_WORD
        case UpstreamStatus(word=OrderWord.PARTIAL, remains=None):
            return None if subscriptions.is_one(order) else Oddity.NO_REMAINS
    return None


def _said(answer: UpstreamStatus | Rejected | None) -> str:
    if answer is None:
        return ""
    if isinstance(answer, Rejected):
        return answer.words
    return answer.word.value if answer.word else answer.said


def _write_remarks(remarks: Sequence[_Remark], *, now: datetime) -> None:
    if not remarks:
        return
    known = set(
        OrderEvent.objects.filter(
            order__in=[remark.order for remark in remarks],
            reason__in={remark.reason for remark in remarks},
        ).values_list("order_id", "reason")
    )
    for remark in remarks:
        if (remark.order.pk, remark.reason) not in known:
            states.record([remark.order], now=now, reason=remark.reason, detail=remark.detail)
            log.warning(remark.reason, order=remark.order.pk, said=remark.detail)
