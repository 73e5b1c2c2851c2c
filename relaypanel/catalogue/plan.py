"""What a price list changes in the shop: worked out without touching it.  All pure.

A service follows its first usable route.  Its rate is that route's cost with the mark-up, unless
the rate is locked, no rule covers it, or the route waits in quarantine: then the rate stays, and
the route serves only while the rate pays for it.  A service without a route that is paid for is
paused, so that nothing is for sale below its cost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from relaypanel import money
from relaypanel.catalogue import guard, likeness, margin
from relaypanel.catalogue.guard import Held
from relaypanel.catalogue.likeness import Value
from relaypanel.catalogue.models import Cause, Closed, Visibility
from relaypanel.catalogue.pricing_rules import Rules
from relaypanel.contract import OrderType
from relaypanel.providers.answers import Listing


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """A route as it stands: `listing` is the provider's row as it was told last."""

    route_id: int
    provider_id: int
    rate_to_panel_e8: int | None
    spike_percent: int
    vanish_syncs: int
    # Staff let orders go there.
    is_open: bool
    listing: Listing
    missed: int
    closed_for: str
    held: Held | None
    # By staff, in the panel's currency; None: anything that our rate pays for.
    cost_max_e8: int | None = None

    @property
    def standing(self) -> tuple[int, str, Held | None]:
        return self.missed, self.closed_for, self.held

    @property
    def cost_e8(self) -> int:
        return margin.rate_cost(
            rate_e8=self.listing.rate_e8, rate_to_panel_e8=self.rate_to_panel_e8
        )

    @property
    def is_above_its_ceiling(self) -> bool:
        return self.cost_max_e8 is not None and self.cost_e8 > self.cost_max_e8


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """A service of ours as it stands.  `columns` are those that the mirror may change."""

    service_id: int
    columns: Mapping[str, Value]
    rate_locked: bool
    name_locked: bool
    paths: tuple[Path, ...]

    @property
    def rate_e8(self) -> int:
        rate_e8 = self.columns["rate_e8"]
        assert isinstance(rate_e8, int)
        return rate_e8

    @property
    def is_on(self) -> bool:
        return self.columns["visibility"] == Visibility.ENABLED


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What changes for one service: its columns, and its routes as they will stand."""

    stock: Stock
    columns: Mapping[str, Value]
    paths: tuple[Path, ...]

    @property
    def after(self) -> Stock:
        return replace(self.stock, columns={**self.stock.columns, **self.columns}, paths=self.paths)

    @property
    def changed_paths(self) -> list[Path]:
        """The routes that stand otherwise than before, whatever their rows say."""
        pairs = zip(self.paths, self.stock.paths, strict=True)
        return [path for path, before in pairs if path.standing != before.standing]

    @property
    def is_idle(self) -> bool:
        return not self.columns and not self.changed_paths

    @property
    def is_silent(self) -> bool:
        """Nothing changes but how often a list did not hold a route."""
        pairs = zip(self.paths, self.stock.paths, strict=True)
        return not self.columns and all(
            (path.closed_for, path.held) == (before.closed_for, before.held)
            for path, before in pairs
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """`seen` are new at the provider; `imported`, some of them, go up for sale by themselves."""

    seen: tuple[Listing, ...]
    imported: tuple[Listing, ...]
    turns: tuple[Turn, ...]

    @property
    def is_silent(self) -> bool:
        return not self.seen and all(turn.is_silent for turn in self.turns)


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceList:
    """What a provider told, by its IDs."""

    provider_id: int
    rate_to_panel_e8: int | None
    listings: Mapping[str, Listing]


def plan(
    *, price_list: PriceList, known: Collection[str], stocks: Sequence[Stock], rules: Rules
) -> Plan:
    """Return what a new price list changes.

    `known` are the IDs of all that the provider ever listed, `stocks` our services with a route
    to it.
    """
    turns = (turn(stock, rules=rules, price_list=price_list) for stock in stocks)
    seen = tuple(row for id_, row in price_list.listings.items() if id_ not in known)
    return Plan(
        seen=seen,
        imported=tuple(row for row in seen if _goes_up(row, price_list, rules)),
        turns=tuple(turn for turn in turns if not turn.is_idle),
    )


def turn(
    stock: Stock,
    *,
    rules: Rules,
    price_list: PriceList | None = None,
    approved: Collection[int] = (),
) -> Turn:
    """Return what changes for one service: by a new price list, or by the rules as they are now.

    `approved` are the IDs of routes whose change a person let through.
    """
    paths = [
        replace(_heard(path, price_list), held=None)
        if path.route_id in approved
        else _judged(_heard(path, price_list), held=path.held, last=_last(path, stock))
        for path in stock.paths
    ]
    chosen = _first_paid_for(stock, paths, rules)
    if chosen is None:
        return _paused(stock, _waiting(stock, paths))
    place, rate_e8 = chosen
    columns: dict[str, Value] = {}
    if rate_e8 != stock.rate_e8:
        columns["rate_e8"] = rate_e8
    if stock.columns["visibility"] == Visibility.PAUSED:
        columns["visibility"] = Visibility.ENABLED.value
    if paths[place].held is None:
        columns |= likeness.followed(
            stock.columns,
            last=_accepted(stock.paths[place]),
            now=paths[place].listing,
            name_locked=stock.name_locked,
        )
    return Turn(stock=stock, columns=columns, paths=_shut(paths, rate_e8, passed_over=place))


def _goes_up(listing: Listing, price_list: PriceList, rules: Rules) -> bool:
    rule = rules.find(
        service_id=None, provider_id=price_list.provider_id, category=listing.category
    )
    if rule is None or not rule.auto_import:
        return False
    price_e8 = rule.price(rate_e8=listing.rate_e8, rate_to_panel_e8=price_list.rate_to_panel_e8)
    return price_e8 <= money.MAX_E8


def _heard(path: Path, price_list: PriceList | None) -> Path:
    """Return a route with what its provider told now."""
    if price_list is None or path.provider_id != price_list.provider_id:
        return path
    told = price_list.listings.get(path.listing.upstream_id)
    if told is None:
        return replace(path, missed=path.missed + 1)
    return replace(path, missed=0, listing=told)


def _last(path: Path, stock: Stock) -> Listing:
    """Return what the shop follows so far: the provider's row, of the type that we sell."""
    return replace(path.listing, type=OrderType(str(stock.columns["type"])))


def _judged(path: Path, *, held: Held | None, last: Listing) -> Path:
    held = guard.hold(held, last=last, now=path.listing, spike_percent=path.spike_percent)
    return replace(path, held=held)


def _first_paid_for(stock: Stock, paths: Sequence[Path], rules: Rules) -> tuple[int, int] | None:
    """Return the place of the first route that its rate pays for, and that rate in e8."""
    for place, path in enumerate(paths):
        if _is_usable(path):
            rate_e8 = _rate(stock, path, rules)
            if margin.covers(cost_e8=path.cost_e8, charge_e8=rate_e8):
                return place, rate_e8
    return None


def _is_usable(path: Path) -> bool:
    is_shut = path.held is not None and guard.closes(path.held.cause)
    is_listed = path.missed < path.vanish_syncs
    return path.is_open and is_listed and not is_shut and not path.is_above_its_ceiling


def _rate(stock: Stock, path: Path, rules: Rules) -> int:
    rule = rules.find(
        service_id=stock.service_id,
        provider_id=path.provider_id,
        category=path.listing.category,
    )
    if path.held is not None or stock.rate_locked or rule is None:
        return stock.rate_e8
    price_e8 = rule.price(rate_e8=path.listing.rate_e8, rate_to_panel_e8=path.rate_to_panel_e8)
    # No account could pay more; a cost beyond it is not covered, and pauses the service.
    return min(price_e8, money.MAX_E8)


def _accepted(path: Path) -> Listing:
    return path.listing if path.held is None else path.held.accepted


def _waiting(stock: Stock, paths: Sequence[Path]) -> list[Path]:
    """Return the routes, those that are only too dear waiting for a person."""
    return [
        replace(path, held=_held_below_cost(path, last=last))
        if path.held is None and _is_usable(path)
        else path
        for path, last in zip(paths, stock.paths, strict=True)
    ]


def _held_below_cost(path: Path, *, last: Path) -> Held:
    return guard.wait(last.held, cause=Cause.BELOW_COST, accepted=_accepted(last), now=path.listing)


def _paused(stock: Stock, paths: Sequence[Path]) -> Turn:
    columns: dict[str, Value] = {}
    if stock.columns["visibility"] == Visibility.ENABLED:
        columns["visibility"] = Visibility.PAUSED.value
    return Turn(stock=stock, columns=columns, paths=_shut(paths, stock.rate_e8))


def _shut(paths: Sequence[Path], rate_e8: int, *, passed_over: int = 0) -> tuple[Path, ...]:
    """Return the routes, those closed that no order may take while the rate is `rate_e8`.

    A route behind the one that sets the rate may be dearer: sending asks what an order pays for.
    """
    return tuple(
        replace(path, closed_for=_closed_for(path, rate_e8, is_passed_over=place < passed_over))
        for place, path in enumerate(paths)
    )


def _closed_for(path: Path, rate_e8: int, *, is_passed_over: bool) -> str:
    if path.missed >= path.vanish_syncs:
        return Closed.VANISHED.value
    if path.held is not None and guard.closes(path.held.cause):
        return Closed.QUARANTINED.value
    if path.is_above_its_ceiling:
        return Closed.TOO_DEAR.value
    if margin.covers(cost_e8=path.cost_e8, charge_e8=rate_e8):
        return ""
    if path.held is not None:
        return Closed.QUARANTINED.value
    return Closed.TOO_DEAR.value if is_passed_over else ""
