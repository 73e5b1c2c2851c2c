"""Places orders: a batch in, an order or a refusal for each out, in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final

import msgspec
from django.db import transaction

from relaypanel import errors, money, prepared
from relaypanel.accounts import keys
from relaypanel.catalogue import editions
from relaypanel.catalogue.editions import Terms
from relaypanel.catalogue.models import Service
from relaypanel.catalogue.offers import Offer, offers
from relaypanel.contract import FIELDS, OrderType
from relaypanel.ledger import book
from relaypanel.orders import insert, types
from relaypanel.orders.models import FINAL, DripFeed, Order

REQUESTS_MAX: Final = 1_000


class IncorrectService(errors.Refused):
    code = "incorrect_service"


class LinkBusy(errors.Refused):
    """An order for this link is running, and the service takes one at a time."""

    code = "link_busy"


class ClientRefReused(errors.Refused):
    """The caller's name for this order names another order already."""

    code = "client_ref_reused"


class PriceRose(errors.Refused):
    """The order costs more by now than its customer was shown."""

    code = "price_rose"

    def __init__(self, *, price_e8: int) -> None:
        self.price_e8 = price_e8
        super().__init__(f"costs {money.text(price_e8)} now")


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to buy.  `fields` is raw wire text by wire name, link included.

    `price_max_e8` is the price that they were shown, as `Quote.price_e8`; None: they take any.
    `claim` says by which key the user is known, where that is to be looked up; None: it was.
    """

    user_id: int
    service_id: int
    fields: Mapping[str, str]
    client_ref: str | None = None
    price_max_e8: int | None = None
    claim: keys.Claim | None = None

    def content_hash(self) -> bytes:
        """Return what tells two requests under one `client_ref` apart."""
        known = {name: text for name, text in self.fields.items() if name in FIELDS}
        text = json.dumps([self.service_id, known], sort_keys=True)
        return hashlib.sha256(text.encode()).digest()


Verdict = Order | errors.Refused


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """What an order would cost: `charge_e8` at once, and each post of a subscription `post_e8` at
    the most.
    """

    service: Service | Terms
    content: types.Content
    rate_e8: int
    charge_e8: int
    post_e8: int

    @property
    def price_e8(self) -> int:
        """What the balance must cover."""
        return max(self.charge_e8, self.post_e8)


def place(*, requests: Sequence[OrderRequest], now: datetime) -> list[Verdict]:
    """Return an order or the refusal for each request: what `ids` returns, with the orders."""
    verdicts = ids(requests=requests, now=now)
    orders = Order.objects.in_bulk([verdict for verdict in verdicts if isinstance(verdict, int)])
    return [orders[verdict] if isinstance(verdict, int) else verdict for verdict in verdicts]


def ids(
    *,
    requests: Sequence[OrderRequest],
    now: datetime,
    late: Callable[[], Sequence[OrderRequest]] = tuple,
) -> list[int | errors.Refused]:
    """Return an order's ID or the refusal for each request, in their order.

    The accounts concerned are locked in the order of their IDs, so that every price,
    balance and `client_ref` is judged alone.  What is refused writes nothing.  A claim that does
    not hold is refused as keys.BadKey, before anything else is said.

    `late` is called once they are locked; the requests that it returns, of the same users, are
    placed along, and their outcomes come last.  On SQLite they may be of any users: whoever writes
    has all accounts.
    """
    assert len(requests) <= REQUESTS_MAX
    with transaction.atomic():
        users = {request.user_id for request in requests}
        held_e8, found = book.lock_beside(users, *_questions(requests))
        if more := late():
            requests = [*requests, *more]
            # Prices and keys may have changed before these were asked for.
            joined = {request.user_id for request in more} - users
            more_e8, found = book.lock_beside(joined, *_questions(requests))
            held_e8 |= more_e8
        [(number,)], *standing = found
        judge = _Judge(
            requests,
            held_e8=held_e8,
            number=number,
            standing=keys.Standing(chain.from_iterable(standing)),
            now=now,
            locks=True,
        )
        verdicts = [judge.verdict(request) for request in requests]
        # A request that repeats another of its batch has the very same draft.
        drafts = {id(draft): draft for draft in verdicts if isinstance(draft, insert.Draft)}
        order_ids = _write(list(drafts.values()), now=now, held_e8=held_e8)
        written = dict(zip(drafts, order_ids, strict=True))
    return [
        written[id(verdict)] if isinstance(verdict, insert.Draft) else verdict
        for verdict in verdicts
    ]


def _questions(requests: Iterable[OrderRequest]) -> list[prepared.Ask]:
    """Return what asks for the number of the catalogue and, if there are any, about the claims."""
    claims = [request.claim for request in requests if request.claim is not None]
    return [editions.NUMBER.ask(), *([keys.Standing.ask(claims)] if claims else [])]


def preview(*, requests: Sequence[OrderRequest], now: datetime) -> list[Quote | errors.Refused]:
    """Return what `place` would say now, as a price or a refusal; nothing is locked or written."""
    users = {request.user_id for request in requests}
    held_e8 = {user_id: book.balance(user_id) for user_id in users}
    judge = _Judge(requests, held_e8=held_e8, now=now, locks=False)
    return [_quote(judge.verdict(request)) for request in requests]


def _quote(verdict: insert.Draft | int | errors.Refused) -> Quote | errors.Refused:
    if isinstance(verdict, errors.Refused):
        return verdict
    # A name that bought already is for `place` alone to answer.
    assert isinstance(verdict, insert.Draft)
    return Quote(
        service=verdict.offer.service,
        content=verdict.content,
        rate_e8=verdict.offer.rate_e8,
        charge_e8=verdict.charge_e8,
        post_e8=post_price(offer=verdict.offer, fields=verdict.content.fields),
    )


def _write(drafts: list[insert.Draft], *, now: datetime, held_e8: Mapping[int, int]) -> list[int]:
    order_ids = insert.write(drafts, now=now, held_e8=held_e8)
    feeds = [
        DripFeed(
            order_id=order_id,
            user_id=draft.user_id,
            runs=draft.content.runs,
            interval_minutes=draft.content.interval_minutes,
            next_run_at=now,
        )
        for order_id, draft in zip(order_ids, drafts, strict=True)
        if draft.content.is_drip_feed
    ]
    if feeds:
        DripFeed.objects.bulk_create(feeds)
    return order_ids


class _Judge:
    """Judges the requests of a batch one after the other, each after those before it."""

    def __init__(
        self,
        requests: Sequence[OrderRequest],
        *,
        held_e8: Mapping[int, int],
        now: datetime,
        locks: bool,
        number: str | None = None,
        standing: keys.Standing | None = None,
    ) -> None:
        self._now = now
        self._standing = standing
        self._balance_e8 = dict(held_e8)
        wanted = {(request.user_id, request.service_id) for request in requests}
        self._offers = offers(wanted, number=number)
        self._earlier = _earlier(requests)
        self._busy = _busy_links(self._offers.values(), requests, locks=locks)
        self._drafts: dict[tuple[int, str], insert.Draft] = {}

    def verdict(self, request: OrderRequest) -> insert.Draft | int | errors.Refused:
        """Return a draft to write, the ID of the order that the request repeats, or a refusal."""
        try:
            self._check_claim(request)
            first = self._repeated(request)
            if isinstance(first, Order):
                return int(first.pk)
            return first or self._draft(request)
        except errors.Refused as refusal:
            return refusal

    def _check_claim(self, request: OrderRequest) -> None:
        if request.claim is None:
            return
        assert request.claim.caller.user_id == request.user_id
        if self._standing is None or not self._standing.holds(request.claim):
            raise keys.BadKey

    def _repeated(self, request: OrderRequest) -> insert.Draft | Order | None:
        if request.client_ref is None:
            return None
        name = (request.user_id, request.client_ref)
        first = self._earlier.get(name) or self._drafts.get(name)
        if first is not None and bytes(first.content_hash or b"") != request.content_hash():
            raise ClientRefReused
        return first

    def _draft(self, request: OrderRequest) -> insert.Draft:
        offer = self._offers.get((request.user_id, request.service_id))
        if offer is None:
            raise IncorrectService
        content = types.read(service=offer.service, raw=request.fields, now=self._now)
        charge_e8 = charge(offer=offer, content=content)
        price_e8 = max(charge_e8, post_price(offer=offer, fields=content.fields))
        if request.price_max_e8 is not None and price_e8 > request.price_max_e8:
            raise PriceRose(price_e8=price_e8)
        self._check_funds(request.user_id, price_e8)
        if offer.service.one_order_per_link:
            self._check_link(offer.service, content.link)
        self._balance_e8[request.user_id] -= charge_e8
        draft = insert.Draft(
            user_id=request.user_id,
            offer=offer,
            content=content,
            charge_e8=charge_e8,
            debit_e8=charge_e8,
            client_ref=request.client_ref,
            content_hash=None if request.client_ref is None else request.content_hash(),
        )
        if request.client_ref is not None:
            self._drafts[request.user_id, request.client_ref] = draft
        return draft

    def _check_funds(self, user_id: int, price_e8: int) -> None:
        balance_e8 = self._balance_e8[user_id]
        if price_e8 > balance_e8:
            raise book.NotEnoughFunds(user_id=user_id, balance_e8=balance_e8, change_e8=-price_e8)

    def _check_link(self, service: Service | Terms, link: str) -> None:
        if (service.pk, link) in self._busy:
            raise LinkBusy
        self._busy.add((service.pk, link))


def charge(*, offer: Offer, content: types.Content) -> int:
    """Return what the order costs now, in e8: all runs of a drip-feed, and nothing yet for a
    subscription, whose posts are charged as they are served."""
    if offer.service.type == OrderType.SUBSCRIPTIONS:
        return 0
    run_e8 = money.price(
        rate_e8=offer.rate_e8, quantity=content.quantity, rate_per=offer.service.rate_per
    )
    return run_e8 * content.runs


def post_price(*, offer: Offer, fields: Mapping[str, str]) -> int:
    """Return the most that one post of a subscription can cost, in e8; 0 for other types."""
    if offer.service.type != OrderType.SUBSCRIPTIONS:
        return 0
    per = offer.service.rate_per
    return money.price(
        rate_e8=offer.rate_e8, quantity=1 if per == 1 else int(fields["max"]), rate_per=per
    )


def _earlier(requests: Sequence[OrderRequest]) -> dict[tuple[int, str], Order]:
    refs = {request.client_ref for request in requests if request.client_ref is not None}
    if not refs:
        return {}
    users = {request.user_id for request in requests}
    found = Order.objects.filter(user_id__in=users, client_ref__in=refs)
    return {(order.user_id, order.client_ref or ""): order for order in found}


def _busy_links(
    offered: Iterable[Offer], requests: Sequence[OrderRequest], *, locks: bool
) -> set[tuple[int, str]]:
    """Return (service, link) of running orders, for the services that take one at a time."""
    exclusive = {o.service.pk for o in offered if o.service.one_order_per_link}
    if not exclusive:
        return set()
    if locks:
        # Two customers may order the same link at once: the second waits here for the first.
        list(Service.objects.select_for_update().filter(pk__in=exclusive).order_by("pk"))
    # A link that will be refused must not reach the database, which could not take every text.
    links = {
        link
        for request in requests
        if types.is_clean(link := request.fields.get("link", "").strip())
    }
    running = Order.objects.filter(service_id__in=exclusive, link__in=links).exclude(
        status__in=FINAL
    )
    return set(running.values_list("service_id", "link"))
