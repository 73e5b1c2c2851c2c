"""Finds out what became of unconfirmed orders, by reading only.

    case = open_case(...)         the orders that are due, and the IDs that may be theirs
    told = inquiry.ask(...)       no transaction is open
    close_case(...)               attach what is proved taken, send again what is proved absent

It never guesses: matching.py says what counts as proof, and all else is left to staff with
the reason in the order's timeline.  Nothing is done before the sending is settled, and each
step counts only under the token that the order was sent with, so that a late answer may
still come first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F

from relaypanel.ledger import book
from relaypanel.orders import brackets, matching, refund, spending, states
from relaypanel.orders.brackets import Attempt
from relaypanel.orders.matching import Absent, Bracket, Fit, Found, Lost, Unresolved, Verdict
from relaypanel.orders.models import CancelRequest, CancelState, Order, OrderEvent, Status
from relaypanel.providers.answers import UpstreamStatus
from relaypanel.providers.inquiry import Told
from relaypanel.providers.models import Provider

log = structlog.get_logger(__name__)

ORDERS_MAX: Final = 200
# What one look asks about; a bracket that holds more is a person's.
IDS_MAX: Final = 2_000
# The same for a panel that takes few IDs in a call.
CALLS_MAX: Final = 20
# A wider bracket is not even compared with the orders that are ours.
WIDTH_MAX: Final = 20_000
# An order that stays open is looked at again after a quarter of its age, within these.
LOOK_AGAIN_MIN: Final = timedelta(seconds=30)
LOOK_AGAIN_MAX: Final = timedelta(hours=6)


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A lost order in its bracket; what was settled before `since` cannot be in there with it."""

    attempt: Attempt
    lost: Lost
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What to ask a provider, and the orders that this tells about."""

    provider: Provider
    drawn: tuple[Drawn, ...]
    upstream_ids: tuple[str, ...]

    @property
    def attempts(self) -> list[Attempt]:
        return [one.attempt for one in self.drawn]

    @property
    def asks_balance(self) -> bool:
        return spending.tells(self.provider, self.attempts)


def ask_again(*, provider: Provider, now: datetime) -> int:
    """Put the settled orders of a provider that knows them by client_ref back into the queue.

    It answers the same client_ref with the same order, so that nothing is bought twice.
    Returns how many.
    """
    if not (provider.speaks_client_ref and provider.enabled):
        return 0
    return sum(_ask_again(order, now=now) for order in _due(provider, now))


def open_case(
    *, provider: Provider, now: datetime, order_ids: Collection[int] | None = None
) -> Case | None:
    """Return what to ask about the orders that are due, or about these, due or not.

    None: there is nothing to ask.  An order whose bracket cannot be drawn is left to staff.
    """
    if not provider.brackets_ids or provider.speaks_client_ref:
        return None
    atlas = _Atlas(provider)
    drawn = []
    for attempt in brackets.attempts(_due(provider, now, order_ids)):
        match atlas.draw(attempt):
            case Drawn() as one:
                drawn.append(one)
            case Unresolved() as verdict:
                _apply(attempt, verdict, now=now)
    if not drawn:
        return None
    upstream_ids = tuple(map(str, sorted(atlas.to_ask)))
    return Case(provider=provider, drawn=tuple(drawn), upstream_ids=upstream_ids)


def close_case(*, case: Case, told: Told, now: datetime) -> dict[int, Verdict]:
    """Act on what the provider said, and return what was proved of each order, by its ID.

    An order that has moved on meanwhile is not in it.
    """
    answers = {int(upstream_id): answer for upstream_id, answer in told.statuses.items()}
    # Read anew, as an answer may have come while we asked.
    case = _still_open(case)
    ours = brackets.known(case.provider.pk, [int(text) for text in case.upstream_ids])
    found = spending.doubted(
        matching.verdicts(
            lost=[one.lost for one in case.drawn],
            rivals=_rivals(case, matching.candidates(answers, ours).values()),
            told=answers,
            ours=ours,
            key_is_exclusive=case.provider.key_is_exclusive,
        ),
        provider=case.provider,
        attempts=case.attempts,
        balance=told.balance,
    )
    return {
        attempt.order.pk: verdict
        for attempt in case.attempts
        if _apply(attempt, verdict := found[attempt.order.pk], now=now)
    }


def held(order: Order) -> Order | None:
    """Return the order, locked, if it is unconfirmed still and under the same token."""
    # The account before the order, as everywhere, so that no two wait for each other.
    book.lock([order.user_id])
    rows = Order.objects.filter(pk=order.pk, token=order.token, status=Status.UNCONFIRMED)
    return rows.select_for_update(of=("self",), no_key=True).first()


def attach(order: Order, upstream_id: str, *, now: datetime, reason: str, detail: str) -> bool:
    """Say that an order is this one upstream; False when it is another order of ours."""
    try:
        states.move(
            order,
            to=Status.PENDING,
            now=now,
            reason=reason,
            detail=detail,
            upstream_id=upstream_id,
            sending_until=None,
        )
    except IntegrityError:
        return False
    log.info("order_attached", order=order.pk, provider=order.provider_id, reason=reason)
    return True


def requeue(
    order: Order, *, now: datetime, reason: str, detail: str = "", may_be_upstream: bool = False
) -> None:
    """Let an order be sent anew; an answer to its last sending counts no more.

    `may_be_upstream`: nobody knows, so that it is not to be ended while it waits.
    """
    states.move(
        order,
        to=Status.QUEUED,
        now=now,
        reason=reason,
        detail=detail,
        due_at=now,
        sending_until=None,
        token=F("token") + 1,
        may_be_upstream=may_be_upstream,
    )
    log.info("order_requeued", order=order.pk, provider=order.provider_id, reason=reason)


class _Atlas:
    """Draws brackets, and collects the IDs to ask about until one look has enough."""

    def __init__(self, provider: Provider) -> None:
        self.to_ask: set[int] = set()
        self._provider_id = provider.pk
        self._room = min(IDS_MAX, CALLS_MAX * provider.status_batch)
        self._looked_at: set[int] = set()
        self._ours: set[int] = set()

    def draw(self, attempt: Attempt) -> Drawn | Unresolved | None:
        """Return the order in its bracket, or why there is none; None: not in this look."""
        below, above = brackets.below(attempt), brackets.above(attempt)
        if below is None:
            return Unresolved(why="no earlier order of ours opens its bracket of IDs")
        if above is not None and above.upstream_id <= below.upstream_id:
            return Unresolved(why="the provider's IDs do not grow, so they prove nothing")
        bracket = Bracket(lower=below.upstream_id, upper=above.upstream_id if above else None)
        inside = self._inside(bracket, attempt)
        if len(inside) > WIDTH_MAX:
            return Unresolved(why=f"its bracket holds {len(inside)} IDs, too many to look at")
        asked = self._unknown(inside)
        # The neighbours are asked about too: a provider that knows them knows our key.
        to_ask = {*asked, *bracket.ends}
        if len(to_ask) > self._room:
            return Unresolved(why=f"its bracket holds {len(asked)} unknown IDs, too many to ask")
        if len(self.to_ask | to_ask) > self._room:
            return None
        self.to_ask |= to_ask
        lost = brackets.lost(attempt, bracket, asked=asked)
        return Drawn(attempt=attempt, lost=lost, since=below.begun_at)

    def _inside(self, bracket: Bracket, attempt: Attempt) -> range:
        upper = bracket.upper
        if upper is None:
            upper = max(bracket.lower, brackets.newest(attempt)) + brackets.OPEN_IDS + 1
        return range(bracket.lower + 1, upper)

    def _unknown(self, inside: range) -> list[int]:
        fresh = set(inside) - self._looked_at
        self._ours |= brackets.known(self._provider_id, fresh)
        self._looked_at |= fresh
        return [upstream_id for upstream_id in inside if upstream_id not in self._ours]


def _due(
    provider: Provider, now: datetime, order_ids: Collection[int] | None = None
) -> list[Order]:
    rows = Order.objects.filter(
        provider=provider,
        status=Status.UNCONFIRMED,
        sending_until__lt=now - brackets.margin(provider),
    )
    rows = rows.filter(due_at__lte=now) if order_ids is None else rows.filter(pk__in=order_ids)
    return list(rows.select_related("provider", "upstream_service").order_by("pk")[:ORDERS_MAX])


def _still_open(case: Case) -> Case:
    """Return the case without the orders that have moved on since it was opened."""
    order_ids = [attempt.order.pk for attempt in case.attempts]
    rows = Order.objects.filter(pk__in=order_ids, status=Status.UNCONFIRMED)
    tokens = dict(rows.values_list("pk", "token"))
    drawn = [one for one in case.drawn if tokens.get(one.lost.order_id) == one.attempt.order.token]
    return replace(case, drawn=tuple(drawn))


def _rivals(case: Case, candidates: Collection[UpstreamStatus]) -> list[Lost]:
    """Return the other orders that may have become one of the candidates."""
    if not candidates or not case.drawn:
        return []
    others = (
        Order.objects.filter(
            provider=case.provider, status__in=(Status.SENDING, Status.UNCONFIRMED)
        )
        .exclude(pk__in=[attempt.order.pk for attempt in case.attempts])
        .select_related("provider", "upstream_service")
    )
    since = min(one.since for one in case.drawn)
    attempts = [*brackets.attempts(others), *brackets.ghosts(case.provider, since=since)]
    return [_rival(attempt) for attempt in attempts if _fits_any(attempt, candidates)]


def _fits_any(attempt: Attempt, candidates: Collection[UpstreamStatus]) -> bool:
    # Before its bracket is drawn, which costs two looks into the timelines.
    anywhere = brackets.lost(attempt, Bracket(lower=0, upper=None))
    return any(matching.fit(anywhere, status) is not Fit.NO for status in candidates)


def _rival(attempt: Attempt) -> Lost:
    below, above = brackets.below(attempt), brackets.above(attempt)
    bracket = Bracket(
        lower=0 if below is None else below.upstream_id,
        upper=None if above is None else above.upstream_id,
    )
    return brackets.lost(attempt, bracket)


def _apply(attempt: Attempt, verdict: Verdict, *, now: datetime) -> bool:
    """Return whether the order was still there to be decided about."""
    with transaction.atomic():
        order = held(attempt.order)
        if order is None:
            return False
        match verdict:
            case Found(upstream_id=upstream_id):
                _attach(order, attempt, upstream_id, now=now)
            case Absent():
                _send_again(order, now=now)
            case _:
                _leave(order, attempt, why=verdict.why, now=now)
    return True


def _attach(order: Order, attempt: Attempt, upstream_id: int, *, now: datetime) -> None:
    detail = f"the only one that fits is {upstream_id}, and it fits no other order"
    if not attach(order, str(upstream_id), now=now, reason="attached", detail=detail):
        _leave(order, attempt, why=f"{upstream_id} has become another order of ours", now=now)


def _send_again(order: Order, *, now: datetime) -> None:
    if CancelRequest.objects.filter(order=order, state=CancelState.ASKED).exists():
        # Certain that nobody upstream has it, and the customer no longer wants it.
        refund.end(order, to=Status.CANCELED, now=now, reason="canceled_before_sending")
        return
    requeue(order, now=now, reason="proved_absent", detail="none of the IDs it could have is ours")


def _ask_again(order: Order, *, now: datetime) -> bool:
    with transaction.atomic():
        locked = held(order)
        if locked is None:
            return False
        requeue(locked, now=now, reason="asked_again", may_be_upstream=True)
    return True


def _leave(order: Order, attempt: Attempt, *, why: str, now: datetime) -> None:
    """Leave it to staff, and look again later: another order may close its bracket."""
    rest = min(max((now - attempt.begun_at) / 4, LOOK_AGAIN_MIN), LOOK_AGAIN_MAX)
    Order.objects.filter(pk=order.pk).update(due_at=now + rest)
    last = OrderEvent.objects.filter(order=order).order_by("-pk").first()
    if last is None or last.detail != why:
        states.record([order], now=now, reason="left_unconfirmed", detail=why)
        log.info("order_left_unconfirmed", order=order.pk, provider=order.provider_id, why=why)
