"""What the desk says when the domain refuses: what stands in the way, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from relaypanel.errors import ProviderError, Refused

# By the refusal's stable code; filled with what the refusal knows.
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
    "no_own_rates": _("There are no rates of their own: nothing was changed."),
    "no_such_user": _("There is no user of this name."),
    "bad_admin_key_name": _("A name has 1 to 60 characters."),
    "admin_key_without_scopes": _("Tick at least one thing that the key opens."),
    "not_of_the_staff": _("A key acts in the name of somebody of the staff."),
    "no_such_admin_key": _("Somebody has revoked this key already."),
    "too_many_pictures": _("One picture at a time."),
    "picture_too_large": _("This picture is too large: at most 8 MB and 24 million pixels."),
    "not_a_picture": _("This is no picture that can be read. Send a PNG, JPEG, WebP or GIF."),
    "no_such_announcement": _("This announcement is not there any more."),
    "bad_announcement": _("Write this otherwise."),
    "bad_profile": _("One of these settings cannot be."),
    "bad_adjustment": _("Nothing can be given or taken here: look at the amount."),
    "adjustment_reason_needed": _("A reason is needed, of at most 200 characters."),
    "adjustment_decided": _("Somebody has decided already."),
    "second_person_needed": _("Somebody else has to decide: you asked for it."),
    "already_decided": _("Nothing was changed: somebody was quicker. See how it stands."),
    "payment_method_name_needed": _("A name has 1 to 80 characters."),
    "payment_method_bounds": _("The least is above zero, and not above the most."),
    "payment_method_bonus": _("A bonus lies between 0 and 100 percent."),
    "payment_method_currency": _("Nobody has said yet what this currency is worth."),
    "payment_method_bank": _(
        "A bank has a number of six digits, and an account 1 to 19 letters and digits: give both."
    ),
    "topup_reason_needed": _("Say why, in at most 200 characters: the customer reads it."),
    "not_enough_funds": _("The balance does not hold so much."),
    "balance_too_large": _("The balance would be larger than an account can hold."),
    "username_taken": _("This username is taken. Choose another one."),
    "bad_username": _("A username has 3 to 60 letters a–z, digits or any of _ . @ + -"),
    "bad_email": _("This is not an e-mail address. Write it like name@example.com."),
    "email_taken": _("Somebody uses this e-mail address already."),
    "ticket_text_needed": _("Write something first."),
    "ticket_text_too_long": _("This is too long for one message: 5,000 characters fit."),
    "no_such_staff": _("Tickets are looked after by members of staff who are active."),
    "too_many_tickets_at_once": _("These are too many tickets for one act."),
    "no_such_template": _("Somebody has dropped this answer. Load the page again."),
    "template_title_needed": _("The answer needs a title."),
    "template_title_too_long": _("A title has at most 80 characters."),
    "template_title_taken": _("Another answer has this title."),
    "no_such_request": _("There is no such request."),
    "request_not_open": _("It has been answered already. Load the page again."),
    "request_not_forwardable": _("No provider has this order, so nobody can be asked."),
    "bad_key": _("That is not an API key: copy it as the provider shows it."),
    "bad_settings": _("That cannot be saved: %(words)s"),
    "bad_url": _(
        "That is not an address of an API. Write the whole of it, like "
        "https://panel.example/api/v2, without a name or password in it."
    ),
    "currency_costs_nothing": _("A currency costs more than nothing, like 0.00004."),
    "markup_out_of_range": _(
        "A mark-up is a percentage from 0 to 10000 with at most two decimals."
    ),
    "not_in_quarantine": _(
        "Somebody has decided on some of these already. Nothing was changed: look again."
    ),
    "not_on_price_list": _(
        "The provider no longer lists some of these. Nothing was added: look again."
    ),
    "shelf_taken": _("There is one of this name already."),
    "bad_shelf_name": _("A name is one line of at most 200 characters."),
    "no_such_shelf": _("There is no such platform any more."),
    "shelf_in_use": _("It still holds something: move that first."),
    "row_changed": _("Something came or went meanwhile. The order is as it was: look again."),
    "no_such_upstream": _("The provider lists no service with this ID."),
    "route_taken": _("This route is there already."),
    "other_type": _("It is of another type, so what customers give would not fit."),
    "last_route": _("It is the last route. Hide the service instead, or add another route first."),
    "bounds_out_of_order": _("The least is above the most."),
    "no_such_category": _("There is no such category any more."),
    "service_name_needed": _("A name has 1 to 500 characters."),
    "too_many_services": _("These are too many services for one act."),
    "unknown_service": _("One of these services is not there any more. Nothing was changed."),
    "nothing_left": _("Nothing would be left of the price."),
    "not_paid_for": _(
        "A service would be sold below its cost, or has no open route. Nothing was changed."
    ),
    "not_refilled": _("It offers no refills, so that none can be asked for by itself."),
    "no_such_rule": _("There is no such rule any more."),
    "nothing_to_undo": _("This change was taken back already."),
    "other_currency": _(
        "This provider charges in %(currency)s. Say first what one %(currency)s costs in your "
        "currency, under its price list settings."
    ),
    "price_list_too_old": _(
        "The price list is older than a day. Fetch it again before you sell from it."
    ),
    "rate_too_high": _(
        "The rate of %(upstream_id)s is higher than any account can pay. Leave it out."
    ),
    "still_below_cost": _(
        "Service %(service_id)s would be sold below its cost, because its rate is fixed. Raise "
        "the rate or let it follow a mark-up. Nothing was changed."
    ),
    "terms_out_of_range": _("One of these numbers is out of its range."),
    "unknown_category": _("The provider lists nothing in this category."),
    "order_not_to_be_ended_yet": _(
        "The order may be with its provider: wait for the answer, or settle it under Unconfirmed."
    ),
}


_PROVIDER_FAILED: Final = _("The provider did not do it: %(words)s")
_NO_AMOUNT: Final = _("That is not an amount. Write it like 1.5.")
# Beside which field of a form the words stand; the others stand above it.
_FIELDS: Final = {
    "bad_key": "key",
    "bad_url": "url",
    "bad_admin_key_name": "name",
    "admin_key_without_scopes": "scopes",
    "not_of_the_staff": "user",
    "no_such_user": "user",
}


def words(error: Exception) -> str:
    """Return a refusal in the reader's language; its own words where the desk has none.

    What a provider failed with is for staff too, and a ValueError is an amount that was misspelt.
    """
    if isinstance(error, ProviderError):
        return str(_PROVIDER_FAILED) % {"words": error}
    if isinstance(error, Refused):
        found = WORDS.get(error.code)
        return str(error) if found is None else str(found) % _known(error)
    assert isinstance(error, ValueError)
    return str(_NO_AMOUNT)


def field(error: Exception, form: forms.Form) -> str | None:
    """Return the form's field that an error is about; None: it is about the whole."""
    name = _FIELDS.get(getattr(error, "code", ""))
    return name if name in form.fields else None


def _known(refused: Refused) -> dict[str, object]:
    names = (name for name in dir(refused) if not name.startswith("_"))
    return {name: getattr(refused, name) for name in names}
