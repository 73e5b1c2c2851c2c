"""What each kind of duty does.  A new kind is one function and one line in `JOBS`.

A job reads what is due, calls the provider with no transaction open, and applies what
came back; the rules live in orders/, the network in providers/.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from relaypanel import clock
from relaypanel.catalogue import mirror, terms
from relaypanel.duties.lease import Lease
from relaypanel.errors import ProviderError, Refused
from relaypanel.notices import deliver
from relaypanel.notices.courier import Courier
from relaypanel.notices.deliver import Outcome, Parcel
from relaypanel.orders import (
    forward,
    health,
    news,
    reconcile,
    recount,
    schedules,
    send,
    speed,
    sweep,
)
from relaypanel.orders.models import Refill
from relaypanel.orders.sweep import Sweep
from relaypanel.payments import affiliates, low_balance, topup
from relaypanel.providers import inquiry, refresh
from relaypanel.providers.answers import RefillTaken, Rejected
from relaypanel.providers.client import Client
from relaypanel.providers.faults import Declined
from relaypanel.providers.models import Provider
from relaypanel.reports import books, days, proof
from relaypanel.storefront import profile
from relaypanel.worker import polling, together
from relaypanel.worker.context import Context
from relaypanel.worker.sending import Sender

log = structlog.get_logger(__name__)

# Customers whose spending is looked at in one go.
REFERRALS: Final = 20
# A job gives its duty back after this long even if there is more to do, so that others get a turn.
RUN_SECONDS: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Rest:
    """How a job ends: when it wants to go on, and from where."""

    seconds: float
    cursor: int = 0


async def send_orders(context: Context, lease: Lease) -> Rest:
    """Send a provider's waiting orders, as many at once as it may have in flight."""
    provider = await _provider(context, lease)
    await context.db(_give_up_overdue, provider.pk)
    if await context.db(_is_to_be_asked, provider):
        plainly = await _answers_plainly(context.client(provider))
        await context.db(_note_asked, provider.pk, plainly)
    taken = await Sender(context, lease, provider).run(seconds=RUN_SECONDS)
    return Rest(seconds=0 if taken else 1)


async def poll_orders(context: Context, lease: Lease) -> Rest:
    """Ask how a provider's fresh orders stand."""
    return await _poll(context, lease, sweep.FRESH)


async def poll_old_orders(context: Context, lease: Lease) -> Rest:
    return await _poll(context, lease, sweep.OLD)


async def poll_ended_orders(context: Context, lease: Lease) -> Rest:
    return await _poll(context, lease, sweep.ENDED)


async def ask_requests(context: Context, lease: Lease) -> Rest:
    """Forward cancel and refill requests to a provider and follow what becomes of them."""
    provider = await _provider(context, lease)
    client = context.client(provider)
    now = await context.db(clock.of_database)
    refills = await context.db(forward.refills_due, provider_id=provider.pk, now=now)
    # Apart, because a panel that fails each cancel may well refill.
    await together.wait(
        (
            _forward_cancels(context, client, provider.pk, now),
            _forward_refills(context, client, refills, now),
            _follow_refills(context, client, refills, now),
            _count_again(context, client, provider.pk, now),
        )
    )
    return Rest(seconds=2)


async def reconcile_orders(context: Context, lease: Lease) -> Rest:
    """Find out what became of a provider's unconfirmed orders, by reading only."""
    provider = await _provider(context, lease)
    now = await context.db(clock.of_database)
    await context.db(reconcile.ask_again, provider=provider, now=now)
    case = await context.db(reconcile.open_case, provider=provider, now=now)
    if case is not None:
        client = context.client(provider)
        told = await inquiry.ask(client, case.upstream_ids, wants_balance=case.asks_balance)
        now = await context.db(clock.of_database)
        await context.db(reconcile.close_case, case=case, told=told, now=now)
    return Rest(seconds=provider.poll_seconds)


async def run_schedules(context: Context, _lease: Lease) -> Rest:
    """Make the drip-feed runs that are due, and end the drip-feeds that are done."""
    made = await context.db(_run_schedules)
    return Rest(seconds=0 if made >= schedules.BATCH else 2)


async def mirror_prices(context: Context, lease: Lease) -> Rest:
    """Fetch a provider's price list and our balance there, and let the shop follow."""
    provider = await _provider(context, lease)
    if not provider.enabled:
        return Rest(seconds=60)
    told = await refresh.ask(context.client(provider))
    minutes = await context.db(_mirror, provider, told)
    return Rest(seconds=minutes * 60)


async def learn_speeds(context: Context, lease: Lease) -> Rest:
    """Learn from the orders that were completed how long their services take."""
    seen = await context.db(speed.learn, after_event=lease.cursor)
    # Sooner while there is more to read, as after an update of an old panel.
    return Rest(seconds=60 if seen - lease.cursor < speed.BATCH else 0, cursor=seen)


async def follow_orders(context: Context, lease: Lease) -> Rest:
    """Tell customers what became of their orders and refills."""
    cursor, is_whole = await context.db(_follow_orders, lease.cursor)
    return Rest(seconds=5 if is_whole else 0, cursor=cursor)


async def carry_notices(context: Context, _lease: Lease) -> Rest:
    """Send the letters and call the webhooks that are due."""
    parcels = await context.db(_take_parcels)
    courier = context.courier()
    await together.wait(_carry(context, courier, parcel) for parcel in parcels)
    return Rest(seconds=0 if parcels else 2)


async def keep_payments(context: Context, lease: Lease) -> Rest:
    """End requests for top-ups that nobody paid, watch low balances, and pay affiliates."""
    cursor = await context.db(_keep_payments, lease.cursor)
    return Rest(seconds=0 if cursor else 30, cursor=cursor)


async def add_up_days(context: Context, _lease: Lease) -> Rest:
    """Add up what was sold and what moved, for the pages of the desk."""
    more = await context.db(_add_up_days)
    return Rest(seconds=0 if more else 60)


async def prove_books(context: Context, _lease: Lease) -> Rest:
    """Prove all books once a day."""
    await context.db(_prove_books)
    return Rest(seconds=600)


Job = Callable[[Context, Lease], Awaitable[Rest]]

JOBS: Final[dict[str, Job]] = {
    "send": send_orders,
    "poll": poll_orders,
    "poll_old": poll_old_orders,
    "poll_ended": poll_ended_orders,
    "ask": ask_requests,
    "reconcile": reconcile_orders,
    "mirror": mirror_prices,
    "schedules": run_schedules,
    "speeds": learn_speeds,
    "news": follow_orders,
    "notices": carry_notices,
    "payments": keep_payments,
    "reports": add_up_days,
    "proof": prove_books,
}
ALONE: Final = ("schedules", "speeds", "news", "notices", "payments", "reports", "proof")
PER_PROVIDER: Final = ("send", "poll", "poll_old", "poll_ended", "ask", "reconcile", "mirror")


def duties() -> list[str]:
    """Return the names of all duties there should be.

    A provider that gets no new orders still has old ones to be followed.
    """
    providers = Provider.objects.values_list("pk", flat=True)
    return [*ALONE, *(f"{kind}:{pk}" for pk in providers for kind in PER_PROVIDER)]


def _add_up_days() -> bool:
    now = clock.of_database()
    more = [days.look(now=now), books.look(now=now)]
    return any(more)


def _prove_books() -> None:
    now = clock.of_database()
    if proof.is_due(now=now):
        proof.prove(now=now)


def _follow_orders(cursor: int) -> tuple[int, bool]:
    return news.follow(cursor=cursor, now=clock.of_database())


def _take_parcels() -> list[Parcel]:
    now = clock.of_database()
    deliver.forget_old(now=now)
    language = profile.current().language
    return [replace(parcel, language=language(parcel.language)) for parcel in deliver.take(now=now)]


async def _carry(context: Context, courier: Courier, parcel: Parcel) -> None:
    outcome = await courier.carry(parcel)
    await context.db(_record_outcome, parcel, outcome)


def _record_outcome(parcel: Parcel, outcome: Outcome) -> None:
    deliver.settle(parcel, outcome, now=clock.of_database())


def _keep_payments(cursor: int) -> int:
    now = clock.of_database()
    if cursor == 0:
        topup.expire_due(now=now)
        low_balance.look(now=now)
    return affiliates.share_spending(after=cursor, limit=REFERRALS, now=now)


async def _provider(context: Context, lease: Lease) -> Provider:
    return await context.db(Provider.objects.get, pk=lease.subject)


def _give_up_overdue(provider_id: int) -> None:
    given_up = send.give_up_overdue(provider_id=provider_id, now=clock.of_database())
    if given_up:
        log.warning("orders_unconfirmed", provider=provider_id, orders=given_up)


def _is_to_be_asked(provider: Provider) -> bool:
    return health.is_to_be_asked(provider, now=clock.of_database())


async def _answers_plainly(client: Client) -> bool:
    try:
        await client.balance()
    except Declined:
        # It does not tell us our balance, and says that plainly.
        return True
    except ProviderError:
        return False
    return True


def _note_asked(provider_id: int, answers_plainly: bool) -> None:
    now = clock.of_database()
    health.note_asked(provider_id=provider_id, answers_plainly=answers_plainly, now=now)


async def _poll(context: Context, lease: Lease, kind: Sweep) -> Rest:
    provider = await _provider(context, lease)
    look = polling.Look(context, provider, kind, cursor=lease.cursor)
    stop = await look.run(seconds=RUN_SECONDS)
    return Rest(seconds=stop.seconds, cursor=stop.cursor)


async def _forward_cancels(
    context: Context, client: Client, provider_id: int, now: datetime
) -> None:
    await context.db(forward.end_unsent, provider_id=provider_id, now=now)
    requests = await context.db(forward.cancels_due, provider_id=provider_id, now=now)
    if not requests:
        return
    told: Mapping[str, Rejected | None] = {}
    try:
        told = await client.cancel(_ids(request.order.upstream_id for request in requests))
    finally:
        # Also of a call that failed: each request counts its attempts.
        await context.db(forward.settle_cancels, requests=requests, told=told, now=now)


async def _forward_refills(
    context: Context, client: Client, refills: Sequence[Refill], now: datetime
) -> None:
    new = [refill for refill in refills if refill.upstream_id is None]
    if not new:
        return
    told: Mapping[str, RefillTaken | Rejected] = {}
    try:
        told = await client.refill(_ids(refill.order.upstream_id for refill in new))
    finally:
        await context.db(forward.settle_refills, refills=new, told=told, now=now)


async def _follow_refills(
    context: Context, client: Client, refills: Sequence[Refill], now: datetime
) -> None:
    running = [refill for refill in refills if refill.upstream_id is not None]
    if running:
        states = await client.refill_statuses(_ids(refill.upstream_id for refill in running))
        await context.db(forward.settle_refill_statuses, refills=running, told=states, now=now)


def _run_schedules() -> int:
    return schedules.look(now=clock.of_database())


async def _count_again(context: Context, client: Client, provider_id: int, now: datetime) -> None:
    orders = await context.db(recount.due, provider_id=provider_id, now=now)
    if orders:
        told = await client.statuses(_ids(order.upstream_id for order in orders))
        await context.db(recount.settle, orders=orders, told=told, now=now)


def _mirror(provider: Provider, told: refresh.Told) -> int:
    """Return after how many minutes to look again."""
    now = clock.of_database()
    refresh.record_balance(provider_id=provider.pk, balance=told.balance, now=now)
    try:
        mirror.sync(provider, listings=told.listings, now=now)
    except Refused as refused:
        log.warning("price_list_not_followed", provider=provider.pk, reason=refused.code)
    return terms.of(provider).every_minutes


def _ids(upstream_ids: Iterable[str | None]) -> list[str]:
    return [upstream_id for upstream_id in upstream_ids if upstream_id is not None]
