"""What the pages say when the domain refuses: why, and what to do now.

The one table for all pages, as `api_v2/wire.py` has one for the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from relaypanel.errors import Refused
from relaypanel.look import amounts
from relaypanel.look.templatetags.look import moment_text

type_words = str | Promise


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`words` speak of what `data` takes from the refusal; `field` is where they belong."""

    words: type_words
    data: Callable[[Any], Mapping[str, object]] = lambda _: {}
    field: Callable[[Any], str] = lambda _: ""


def words(refused: Refused) -> str:
    """Return the refusal in the reader's language."""
    answer = ANSWERS[refused.code]
    return str(answer.words) % answer.data(refused)


def field(refused: Refused) -> str:
    """Return the wire name of the field that is wrong, "" where it is none of them."""
    return ANSWERS[refused.code].field(refused)


def _money(amount_e8: int) -> str:
    return amounts.amount(amount_e8, currency=settings.CURRENCY)


ANSWERS: Final[Mapping[str, Answer]] = {
    # -- a new order --
    "incorrect_service": Answer(
        words=_("This service is not for sale now. Choose another one."), field=lambda _: "service"
    ),
    "bad_link": Answer(
        words=_("Give the full public link, like https://example.com/post."),
        field=lambda _: "link",
    ),
    "quantity_too_small": Answer(
        words=_("Order at least %(minimum)s."),
        data=lambda refused: {"minimum": amounts.count(refused.minimum)},
        field=lambda _: "quantity",
    ),
    "quantity_too_large": Answer(
        words=_("Order at most %(maximum)s; all runs of a drip-feed count together."),
        data=lambda refused: {"maximum": amounts.count(refused.maximum)},
        field=lambda _: "quantity",
    ),
    "incorrect_field": Answer(
        words=_("This is missing or cannot be read."), field=lambda refused: str(refused.field)
    ),
    "drip_feed_disabled": Answer(
        words=_("This service cannot be spread over several runs."), field=lambda _: "runs"
    ),
    "not_enough_funds": Answer(
        words=_("Your balance is %(balance)s, and this needs %(needed)s. Add %(missing)s first."),
        data=lambda refused: {
            "balance": _money(refused.balance_e8),
            "needed": _money(-refused.change_e8),
            "missing": _money(-refused.change_e8 - refused.balance_e8),
        },
    ),
    "link_busy": Answer(
        words=_("An order for this link is running. Order again when it has ended."),
        field=lambda _: "link",
    ),
    "client_ref_reused": Answer(
        words=_("This form was sent before. Look at it once more: sending it now orders again.")
    ),
    "price_rose": Answer(
        words=_("The price is %(price)s now, which is more than you saw. Nothing was ordered yet."),
        data=lambda refused: {"price": _money(refused.price_e8)},
    ),
    "too_many_lines": Answer(
        words=_("At most %(maximum)s lines at once. Send the rest afterwards."),
        data=lambda refused: {"maximum": amounts.count(refused.maximum)},
    ),
    "unreadable_line": Answer(
        words=_("A line for this service looks like this: %(form)s"),
        data=lambda refused: {"form": refused.form},
    ),
    # -- orders that were placed --
    "order_not_found": Answer(words=_("There is no such order.")),
    "cancel_disabled": Answer(words=_("Orders of this service cannot be canceled.")),
    "cancel_too_late": Answer(words=_("The order has ended, so there is nothing to cancel.")),
    "refill_disabled": Answer(words=_("This service comes without refill.")),
    "refill_running": Answer(words=_("A refill of this order is under way.")),
    "refill_too_soon": Answer(
        words=_("A refill can be asked for from %(until)s."),
        data=lambda refused: {"until": moment_text(refused.until)},
    ),
    "refill_days_over": Answer(words=_("The time for refills of this order is over.")),
    "order_not_completed": Answer(words=_("An order is refilled once it is completed.")),
    "drip_feed_over": Answer(words=_("All runs of this drip-feed were made already.")),
}
