"""The timeline of an order in its customer's words.

Events name what happened inside the panel; a customer reads of those that concern them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from relaypanel.orders.models import CancelRequest, OrderEvent, Refill, Status

type_words = str | Promise

# What happened, whichever state it led to.
_BY_REASON: Final[Mapping[str, type_words]] = {
    "placed": _("Placed and paid"),
    "canceled_before_sending": _("Canceled before the delivery began, and refunded"),
    "cancel_forwarded": _("Your cancel request was passed on"),
    "cancel_refused": _("It could no longer be canceled; the delivery goes on"),
    "cancel_given_up": _("The cancel request got no answer; you can ask again"),
    "drip_feed_paused": _("Paused: no run is made until you resume it"),
    "drip_feed_resumed": _("Resumed"),
    "drip_feed_stopped": _("Stopped: the runs that were left are refunded"),
    "paused_for_no_funds": _("Paused: your balance does not cover the next post"),
    "paused_for_upstream": _("Paused by the service"),
    "resumed": _("Going on"),
    "refill_opened_by_itself": _("The number had dropped, so a refill was started"),
    "refill_completed": _("Refill completed"),
    "refill_rejected": _("The refill was rejected"),
    "refill_given_up": _("The refill got no answer; you can ask again"),
}
# What the new state means; the others are the panel's own affair.
_BY_STATUS: Final[Mapping[str, type_words]] = {
    Status.PENDING: _("Accepted; the delivery starts soon"),
    Status.PROCESSING: _("Being prepared"),
    Status.IN_PROGRESS: _("The delivery has started"),
    Status.COMPLETED: _("Completed"),
    Status.PARTIAL: _("Delivered in part; the rest is refunded"),
    Status.CANCELED: _("Canceled and refunded"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """`status` colours it; "" where the order's state stayed."""

    at: datetime
    words: type_words
    status: str = ""


def timeline(
    *, events: Iterable[OrderEvent], cancel: CancelRequest | None, refills: Iterable[Refill]
) -> list[Moment]:
    """Return what happened to an order, the latest first."""
    moments = list(_told(events))
    if cancel is not None:
        moments.append(Moment(at=cancel.asked_at, words=_("You asked to cancel it")))
    moments += [Moment(at=one.asked_at, words=_("Refill asked for")) for one in refills]
    return sorted(moments, key=lambda moment: moment.at)[::-1]


def _told(events: Iterable[OrderEvent]) -> Iterator[Moment]:
    for event in events:
        words = _BY_REASON.get(event.reason) or _BY_STATUS.get(event.to_status)
        if words is not None:
            yield Moment(at=event.at, words=words, status=event.to_status)
