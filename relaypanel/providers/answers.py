"""What a provider's answer means to us, whatever its own words were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from relaypanel.contract import OrderType, OrderWord, RefillWord, SubscriptionWord


class Fault(StrEnum):
    """The class of a provider's refusal: it decides what happens next, the words never do."""

    NEVER = "never"  # bounds, link or a field: the same order will always be refused
    SERVICE_DEAD = "service_dead"  # the service is off or unknown: this route is closed
    LINK_BUSY = "link_busy"  # an order for this link is running there: try later
    RATE_LIMIT = "rate_limit"  # too many calls: try later
    NO_FUNDS = "no_funds"  # our balance there is used up: pause the provider
    BAD_KEY = "bad_key"  # our key there is refused: pause the provider
    UNKNOWN_ORDER = "unknown_order"  # it does not know this ID (as ours)
    NOT_POSSIBLE = "not_possible"  # cancel or refill is off, too late, too soon or running
    OTHER = "other"  # a refusal we do not understand: staff decide


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """What went to a provider and what came back, with our key in neither; for staff alone.

    A `status` of None: no whole reply came.
    """

    sent: Mapping[str, str]
    status: int | None
    reply: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """An `add` was taken."""

    upstream_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """A certain no.  `words` are the provider's, secrets masked, for staff alone."""

    fault: Fault
    words: str
    # Of an `add`; it says nothing that changes what the answer means.
    exchange: Exchange | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class NotSent:
    """Certain that nothing reached the provider: no connection, or no byte of the body went out."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unclear:
    """It may or may not have been done: a time-out, a broken connection, 5xx, HTML, nonsense."""

    reason: str
    exchange: Exchange | None = field(default=None, compare=False, repr=False)


AddAnswer = Accepted | Rejected | NotSent | Unclear


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamStatus:
    """One order as its provider tells it.  None: absent or not a clean number.

    `word` is None for a status we do not know: keep polling.  `remains` is as told, neither
    clamped nor compared with the quantity.  `cost_e8` is in the provider's currency.
    """

    word: OrderWord | None
    start_count: int | None
    remains: int | None
    cost_e8: int | None
    # Of a subscription or a drip-feed: the IDs of the orders it made, oldest first.
    children: tuple[str, ...] = ()
    subscription: SubscriptionWord | None = None
    # The status in the provider's own words where they are not known; for staff alone.
    said: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefillTaken:
    upstream_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RefillStatus:
    """`word` is None for a word we do not know: keep asking."""

    word: RefillWord | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One service of a provider's price list.  `rate_e8` is in the provider's currency."""

    upstream_id: str
    name: str
    description: str
    category: str
    platform: str
    type: OrderType
    rate_e8: int
    min: int
    max: int
    refill: bool
    cancel: bool
    dripfeed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Balance:
    amount_e8: int
    currency: str
