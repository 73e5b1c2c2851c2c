"""Which upstream order is which of ours: numbers in, verdicts out, no SQL and no clock.

An order whose sending nobody answered for is either one of the upstream orders in its
bracket of IDs, or upstream never took it.  A match needs proof in both directions: the
order fits one candidate alone, and the candidate fits one order alone.  That an order is
absent needs a closed bracket in which every ID was answered and nothing is unexplained.
Whatever is less than that stays with a person.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from relaypanel import money
from relaypanel.contract import OrderWord
from relaypanel.providers.answers import Fault, Rejected, UpstreamStatus

Told = Mapping[int, UpstreamStatus | Rejected]

_CENT_E8: Final = money.ONE_E8 // 100
# A panel that rounds its charges harder than to the cent stays within this part of them.
_ROUNDING_PART: Final = 200
# IDs that one sentence for staff names.
_IDS_NAMED: Final = 5

_ENDED_SHORT: Final = (OrderWord.PARTIAL, OrderWord.CANCELED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bracket:
    """The IDs between two that are known; `upper` None: no later order closes it yet."""

    lower: int
    upper: int | None

    @property
    def ends(self) -> tuple[int, ...]:
        """The known orders at its ends."""
        return (self.lower,) if self.upper is None else (self.lower, self.upper)

    def __contains__(self, upstream_id: int) -> bool:
        return self.lower < upstream_id and (self.upper is None or upstream_id < self.upper)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """An order of ours that nobody told an upstream ID for.

    `rate_e8` is its provider's, for each `rate_per` pieces; None: its charge cannot be foreseen.
    `asked` are the IDs in its bracket that were not ours when upstream was asked.
    """

    order_id: int
    bracket: Bracket
    quantity: int
    rate_e8: int | None
    rate_per: int
    asked: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    upstream_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Absent:
    """Upstream has not taken the order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unresolved:
    """`why` is a sentence for staff."""

    why: str


Verdict = Found | Absent | Unresolved


class Fit(Enum):
    NO = "no"
    MAYBE = "maybe"  # nothing speaks against it, and nothing proves it
    YES = "yes"


def verdicts(
    *,
    lost: Sequence[Lost],
    rivals: Sequence[Lost],
    told: Told,
    ours: Collection[int],
    key_is_exclusive: bool,
) -> dict[int, Verdict]:
    """Return what is proved of each lost order, by its ID.

    `rivals` are other orders that may have become one of the candidates, `ours` the IDs asked
    about that are known to be ours.
    """
    found = candidates(told, ours)
    claims = {
        upstream_id: {
            one.order_id
            for one in (*lost, *rivals)
            if upstream_id in one.bracket and fit(one, status) is not Fit.NO
        }
        for upstream_id, status in found.items()
    }
    return {
        one.order_id: _verdict(
            one, found, claims, told, ours=ours, key_is_exclusive=key_is_exclusive
        )
        for one in lost
    }


def candidates(told: Told, ours: Collection[int]) -> dict[int, UpstreamStatus]:
    """Return the orders upstream that are there and are none of ours yet."""
    return {
        upstream_id: status
        for upstream_id, status in told.items()
        if isinstance(status, UpstreamStatus) and upstream_id not in ours
    }


def fit(lost: Lost, status: UpstreamStatus) -> Fit:
    """Return whether an upstream order may be this one, by its charge and what remains of it."""
    if _is_of_another_quantity(lost, status):
        return Fit.NO
    told_e8 = status.cost_e8
    if lost.rate_e8 is None or told_e8 is None:
        return Fit.MAYBE
    if any(_is_charge_of(lost, pieces, told_e8) for pieces in _charged(lost, status)):
        return Fit.YES
    return Fit.MAYBE if status.word in _ENDED_SHORT else Fit.NO


def _is_of_another_quantity(lost: Lost, status: UpstreamStatus) -> bool:
    remains = status.remains
    if remains is None:
        return False
    untouched = status.word is OrderWord.PENDING
    return remains > lost.quantity or (untouched and 0 < remains < lost.quantity)


def _charged(lost: Lost, status: UpstreamStatus) -> tuple[int, ...]:
    """Return for how many pieces the charge may be."""
    if status.word in _ENDED_SHORT and status.remains is not None:
        # What was not delivered may have left the charge already.
        return lost.quantity, lost.quantity - max(status.remains, 0)
    return (lost.quantity,)


def _verdict(
    lost: Lost,
    found: Mapping[int, UpstreamStatus],
    claims: Mapping[int, set[int]],
    told: Told,
    *,
    ours: Collection[int],
    key_is_exclusive: bool,
) -> Verdict:
    silent = [it for it in lost.asked if it not in ours and not _is_answered(told.get(it))]
    if silent:
        return Unresolved(why=f"the provider did not say what it knows of {_named(silent)}")
    fitting = [it for it in lost.asked if lost.order_id in claims.get(it, ())]
    strays = [it for it in lost.asked if it in found and not claims[it]]
    if not fitting:
        return _without_candidate(lost, strays, told)
    doubt = _doubt(lost, fitting, found, claims, () if key_is_exclusive else strays)
    return Unresolved(why=doubt) if doubt else Found(upstream_id=fitting[0])


def _doubt(
    lost: Lost,
    fitting: Sequence[int],
    found: Mapping[int, UpstreamStatus],
    claims: Mapping[int, set[int]],
    foreign: Sequence[int],
) -> str:
    """Return why the candidates that fit prove nothing, "" for one that does."""
    upstream_id = fitting[0]
    others = claims[upstream_id] - {lost.order_id}
    if len(fitting) > 1:
        return f"it may be any of {_named(fitting)}"
    if others:
        return f"{upstream_id} may as well be our order {min(others)}"
    if fit(lost, found[upstream_id]) is not Fit.YES:
        return f"it may be {upstream_id}, whose charge does not tell"
    if foreign:
        # Somebody else orders with this key, so that the charge alone proves nothing.
        return f"it may be {upstream_id}, but {_named(foreign)} fit no order of ours"
    return ""


def _without_candidate(lost: Lost, strays: Sequence[int], told: Told) -> Verdict:
    bracket = lost.bracket
    if bracket.upper is None:
        return Unresolved(why="no later order closes its bracket of IDs yet")
    if strays:
        return Unresolved(why=f"{_named(strays)} fit no order of ours")
    forgotten = [it for it in bracket.ends if not isinstance(told.get(it), UpstreamStatus)]
    if forgotten:
        # Another key, or a panel that forgets: that it does not know an ID proves nothing.
        return Unresolved(why=f"the provider does not know {_named(forgotten)}, which are ours")
    return Absent()


def _is_answered(answer: UpstreamStatus | Rejected | None) -> bool:
    if isinstance(answer, Rejected):
        return answer.fault is Fault.UNKNOWN_ORDER
    return answer is not None


def _is_charge_of(lost: Lost, quantity: int, told_e8: int) -> bool:
    assert lost.rate_e8 is not None
    # Compared before the division, so that our side is exact.
    apart = abs(told_e8 * lost.rate_per - lost.rate_e8 * quantity)
    return apart < _tolerance_e8(told_e8) * lost.rate_per


def _tolerance_e8(told_e8: int) -> int:
    """Return how far a told charge may be from the exact one, by how roughly it is told.

    Too wide makes two orders look alike, which leaves them to a person; too narrow would make
    an order look absent.
    """
    grain_e8 = money.RATE_STEP_E8
    while told_e8 and told_e8 % (grain_e8 * 10) == 0:
        grain_e8 *= 10
    widest_e8 = max(_CENT_E8, told_e8 // _ROUNDING_PART)
    return min(grain_e8, widest_e8) if told_e8 else widest_e8


def _named(upstream_ids: Sequence[int]) -> str:
    named = ", ".join(map(str, upstream_ids[:_IDS_NAMED]))
    more = len(upstream_ids) - _IDS_NAMED
    return f"{named} and {more} more" if more > 0 else named
