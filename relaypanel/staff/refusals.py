"""What the desk says when the domain refuses: what stands in the way, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from relaypanel.errors import Refused

# By the refusal's stable code.
WORDS: Final[Mapping[str, str | Promise]] = {
    "order_not_found": _("There is no such order."),
    "move_not_allowed": _(
        "It cannot go there from where it stands. An order that is being sent waits for its "
        "answer; one that a provider has can only be ended; what remains is at most the quantity."
    ),
    "order_not_unconfirmed": _("It is not unconfirmed any more. Load the page again."),
    "order_too_early": _("An answer to it may still come. Wait two minutes, then try again."),
    "unknown_upstream_order": _("The provider does not know such an order of ours."),
    "upstream_order_is_ours": _("This upstream ID is another order of ours already."),
    "order_not_proved_absent": _(
        "Nothing proves that the provider does not have it. Look there, then say how you know."
    ),
    "reason_needed": _("A reason is needed, of at most 400 characters."),
    "bad_link": _("This is not a link. Write it like https://example.com/page."),
    "too_many_orders": _("These are too many orders for one act."),
    "no_such_request": _("There is no such request."),
    "request_not_open": _("It has been answered already. Load the page again."),
    "request_not_forwardable": _("No provider has this order, so nobody can be asked."),
    "order_not_to_be_ended_yet": _(
        "The order may be with its provider: wait for the answer, or settle it under Unconfirmed."
    ),
}


def words(refused: Refused) -> str:
    """Return the refusal in the reader's language; its own words where the desk has none."""
    return str(WORDS.get(refused.code, str(refused)))
