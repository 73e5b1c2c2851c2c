"""What the pages say when the domain refuses: why, and what to do now.

The one table for all pages, as `api_v2/wire.py` has one for the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from relaypanel import amounts
from relaypanel.accounts import networks
from relaypanel.errors import Refused
from relaypanel.look.templatetags.look import moment_text, money
from relaypanel.tickets import desk, pictures


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`words` speak of what `data` takes from the refusal; `field` is where they belong."""

    words: Promise
    data: Callable[[Any], Mapping[str, object]] = lambda _: {}
    field: Callable[[Any], str] = lambda _: ""


def words(refused: Refused) -> str:
    """Return the refusal in the reader's language."""
    answer = ANSWERS[refused.code]
    # A plural form is chosen by what it is filled with.
    return str(answer.words % answer.data(refused))


def field(refused: Refused) -> str:
    """Return the wire name of the field that is wrong, "" where it is none of them."""
    return ANSWERS[refused.code].field(refused)


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
            "balance": money(refused.balance_e8),
            "needed": money(-refused.change_e8),
            "missing": money(-refused.change_e8 - refused.balance_e8),
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
        data=lambda refused: {"price": money(refused.price_e8)},
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
    # -- a user --
    "bad_username": Answer(
        words=_("A username has 3 to 60 letters a–z, digits or any of _ . @ + -"),
        field=lambda _: "username",
    ),
    "username_taken": Answer(
        words=_("This username is taken. Choose another one."), field=lambda _: "username"
    ),
    "email_taken": Answer(
        words=_("Somebody uses this e-mail address already."), field=lambda _: "email"
    ),
    # -- the addresses that may use a key --
    "bad_network": Answer(
        words=_(
            "“%(line)s” is neither an address nor a network. Write one a line, like 203.0.113.7, "
            "203.0.113.0/24 or 2001:db8::/32."
        ),
        data=lambda refused: {"line": refused.shown},
        field=lambda _: "networks",
    ),
    "every_address": Answer(
        words=_("“%(line)s” holds every address there is. To allow all, leave the list empty."),
        data=lambda refused: {"line": refused.shown},
        field=lambda _: "networks",
    ),
    "too_many_networks": Answer(
        words=_("The list is too long: at most %(maximum)s addresses and networks."),
        data=lambda _: {"maximum": amounts.count(networks.NETWORKS_MAX)},
        field=lambda _: "networks",
    ),
    # -- money that comes in --
    "amount_out_of_bounds": Answer(
        words=_("Choose an amount from %(min)s to %(max)s."),
        data=lambda refused: {"min": money(refused.min_e8), "max": money(refused.max_e8)},
        field=lambda _: "amount",
    ),
    "amount_too_fine": Answer(words=_("Use at most two decimals."), field=lambda _: "amount"),
    "too_many_open": Answer(words=_("You have several open top-ups. Finish or cancel one first.")),
    "method_not_found": Answer(
        words=_("This method is no longer offered. Choose another one."),
        field=lambda _: "method",
    ),
    "already_decided": Answer(words=_("Nothing was changed: see below how it stands.")),
    # -- webhooks --
    "bad_webhook_url": Answer(
        words=_("Write a whole address, like https://shop.example/hook, without a password."),
        field=lambda _: "url",
    ),
    "unknown_event": Answer(words=_("Choose at least one event."), field=lambda _: "events"),
    "too_many_webhooks": Answer(
        words=_("There is no room for another webhook. Remove one first."),
        field=lambda _: "url",
    ),
    # -- tickets --
    "ticket_subject_needed": Answer(
        words=_("Say in a few words what it is about."), field=lambda _: "subject"
    ),
    "ticket_subject_too_long": Answer(
        words=_("Make it shorter; the rest goes into the message."), field=lambda _: "subject"
    ),
    "ticket_text_needed": Answer(
        words=_("Write what happened, and what you expected."), field=lambda _: "text"
    ),
    "ticket_text_too_long": Answer(
        words=_("This is too long for one message. Send the rest as a second one."),
        field=lambda _: "text",
    ),
    "ticket_orders_unknown": Answer(
        words=ngettext_lazy(
            "You have no order %(orders)s.", "You have no orders %(orders)s.", "count"
        ),
        data=lambda refused: {
            "orders": ", ".join(map(str, refused.order_ids)),
            "count": len(refused.order_ids),
        },
        field=lambda _: "orders",
    ),
    "ticket_orders_too_many": Answer(
        words=_("Name at most %(maximum)s orders; the others go into the message."),
        data=lambda _: {"maximum": amounts.count(desk.ORDERS_MAX)},
        field=lambda _: "orders",
    ),
    "too_many_pictures": Answer(
        words=_("That is too many at once. Choose up to %(maximum)s."),
        data=lambda _: {"maximum": amounts.count(pictures.PICTURES_MAX)},
        field=lambda _: "pictures",
    ),
    "picture_too_large": Answer(
        words=_("This picture is too large. Take a smaller one, or a screenshot."),
        field=lambda _: "pictures",
    ),
    "not_a_picture": Answer(
        words=_("One of the files is no picture that we know. Take PNG, JPEG, WebP or GIF."),
        field=lambda _: "pictures",
    ),
    "too_many_pictures_today": Answer(
        words=_("You have sent many pictures today. Send these tomorrow, or describe them."),
        field=lambda _: "pictures",
    ),
    "too_many_tickets": Answer(
        words=_("You have many tickets that are not closed yet. Write in one, or close one first.")
    ),
    "too_many_messages": Answer(
        words=_("You have written a lot in the last hour. Wait a little; we read every message.")
    ),
    "ticket_already_closed": Answer(words=_("This ticket is closed already.")),
}
