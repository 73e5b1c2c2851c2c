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
    "owners_only": _("Owners alone may do this."),
    "last_owner": _("This is the last owner: make somebody else an owner first."),
    "no_such_staff_role": _("There is no such staff role."),
    "staff_role_name_taken": _("Another staff role has this name."),
    "bad_staff_role_name": _("A name has 1 to 60 characters."),
    "staff_role_in_use": _("Members of staff have this role: give them another one first."),
    "bad_call_limit": _("A limit is between 0 and 1,000,000 calls in a minute."),
    "bad_discount": _("A discount is between 0 and 100 percent, with at most two decimals."),
    "bad_rate": _("A rate is a plain number with at most five decimals, like 1.5."),
    "no_such_service": _("There is no service with this ID."),
    "bad_adjustment": _("Nothing can be given or taken here: look at the amount."),
    "adjustment_reason_needed": _("A reason is needed, of at most 200 characters."),
    "adjustment_decided": _("Somebody has decided already."),
    "second_person_needed": _("Somebody else has to decide: you asked for it."),
    "not_enough_funds": _("The balance does not hold so much."),
    "balance_too_large": _("The balance would be larger than an account can hold."),
    "username_taken": _("This username is taken. Choose another one."),
    "bad_username": _("A username has 3 to 60 letters a–z, digits or any of _ . @ + -"),
    "bad_email": _("This is not an e-mail address. Write it like name@example.com."),
    "email_taken": _("Somebody uses this e-mail address already."),
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
