"""What each kind of notice says, where it leads, and by which channels it goes at first.

A new kind is a line in models.Kind and one in KINDS.  The words are filled with the notice's data:
a field `amount_e8` is `amount` there, as people read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from relaypanel import amounts
from relaypanel.notices.models import Channel, Kind

# Values in data, as JSON keeps them.
Data = Mapping[str, str | int]


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """`key` names what happened, once; `event` is the webhook's name for it, "" if it has none."""

    key: str
    path: str
    label: str | Promise
    title: str | Promise
    words: str | Promise
    icon: str
    event: str = ""
    channels: frozenset[Channel] = field(default=frozenset((Channel.PAGE, Channel.MAIL)))


_PAGE_ALONE: Final = frozenset((Channel.PAGE,))

KINDS: Final[dict[Kind, About]] = {
    Kind.ORDER_COMPLETED: About(
        key="order:{order}:completed",
        path="/orders/{order}",
        label=_("An order is completed"),
        title=_("Order %(order)s is completed"),
        words=_("All %(quantity)s of %(service)s are delivered to %(link)s."),
        icon="circle-check",
        event="order.completed",
        # Resellers complete thousands a day: who wants these asks for them.
        channels=frozenset(),
    ),
    Kind.ORDER_PARTIAL: About(
        key="order:{order}:partial",
        path="/orders/{order}",
        label=_("An order ends in part"),
        title=_("Order %(order)s was delivered in part"),
        words=_(
            "%(remains)s of %(quantity)s could not be delivered to %(link)s. "
            "%(refunded)s is back on your balance."
        ),
        icon="chart-pie",
        event="order.partial",
        channels=_PAGE_ALONE,
    ),
    Kind.ORDER_CANCELED: About(
        key="order:{order}:canceled",
        path="/orders/{order}",
        label=_("An order is canceled"),
        title=_("Order %(order)s was canceled"),
        words=_("%(service)s for %(link)s. %(refunded)s is back on your balance."),
        icon="circle-x",
        event="order.canceled",
        channels=_PAGE_ALONE,
    ),
    Kind.REFILL_COMPLETED: About(
        key="refill:{refill}:completed",
        path="/orders/{order}",
        label=_("A refill is done"),
        title=_("The refill of order %(order)s is done"),
        words=_("What had dropped was delivered again to %(link)s."),
        icon="refresh",
        event="refill.completed",
        channels=_PAGE_ALONE,
    ),
    Kind.REFILL_REJECTED: About(
        key="refill:{refill}:rejected",
        path="/orders/{order}",
        label=_("A refill is refused"),
        title=_("The refill of order %(order)s was refused"),
        words=_("Nothing was missing, or the order can no longer be refilled. Ask us if in doubt."),
        icon="refresh-off",
        event="refill.rejected",
        channels=_PAGE_ALONE,
    ),
    Kind.LOW_BALANCE: About(
        key="low_balance:{user}:{at}",
        path="/funds",
        label=_("The balance is low"),
        title=_("Your balance is low: %(balance)s"),
        words=_("It has fallen below %(threshold)s. Add funds so that no order has to wait."),
        icon="wallet",
        event="balance.low",
    ),
    Kind.TOPUP_CONFIRMED: About(
        key="topup:{topup}:confirmed",
        path="/funds/{topup}",
        label=_("A top-up has arrived"),
        title=_("%(amount)s has arrived"),
        words=_("Your top-up %(reference)s is on your balance."),
        icon="cash",
        event="topup.confirmed",
    ),
    Kind.TOPUP_REJECTED: About(
        key="topup:{topup}:rejected",
        path="/funds/{topup}",
        label=_("A top-up was not accepted"),
        title=_("Your top-up %(reference)s was not accepted"),
        words=_("%(amount)s was not added. %(reason)s"),
        icon="cash-off",
        event="topup.rejected",
    ),
    Kind.TICKET_ANSWERED: About(
        key="ticket:{ticket}:{message}",
        path="/tickets/{ticket}",
        label=_("A ticket is answered"),
        title=_("We have answered your ticket"),
        words=_("“%(subject)s” has a new answer."),
        icon="lifebuoy",
    ),
    Kind.NEW_SIGN_IN: About(
        key="sign_in:{user}:{at}",
        path="/settings/security",
        label=_("Somebody signs in on a new device"),
        title=_("A new sign-in to your account"),
        words=_("From %(address)s with %(device)s. If it was not you, change your password now."),
        icon="device-desktop",
    ),
    Kind.API_KEY_SHOWN: About(
        key="api_key_shown:{user}:{at}",
        path="/api",
        label=_("The API key is shown"),
        title=_("Your API key was shown"),
        words=_("From %(address)s. If it was not you, make a new key and change your password."),
        icon="eye",
    ),
    Kind.API_KEY_ROTATED: About(
        key="api_key_rotated:{user}:{at}",
        path="/api",
        label=_("The API key is changed"),
        title=_("You have a new API key"),
        words=_("The old one no longer works. It was changed from %(address)s."),
        icon="key",
    ),
    Kind.WEBHOOK_DISABLED: About(
        key="webhook:{endpoint}:disabled:{at}",
        path="/settings/webhooks/{endpoint}",
        label=_("A webhook is turned off"),
        title=_("A webhook of yours was turned off"),
        words=_("%(url)s did not answer for a day. Turn it on again when it does."),
        icon="webhook-off",
    ),
    Kind.WEBHOOK_TEST: About(
        key="webhook:{endpoint}:test:{at}",
        path="/settings/webhooks/{endpoint}",
        label=_("A test"),
        title=_("A test"),
        words=_("You asked for this yourself."),
        icon="webhook",
        event="test",
        channels=frozenset(),
    ),
}

# What a customer may choose to be told of, and what a webhook may be told of.
CHOOSABLE: Final = tuple(kind for kind in KINDS if kind is not Kind.WEBHOOK_TEST)
EVENTS: Final = {KINDS[kind].event: kind for kind in CHOOSABLE if KINDS[kind].event}


def key(kind: Kind, *, user_id: int, data: Data) -> str:
    return KINDS[kind].key.format(user=user_id, **data)


def path(kind: Kind, data: Data) -> str:
    return KINDS[kind].path.format(**data)


def title(kind: Kind, data: Data) -> str:
    """Return the headline in the language that is active."""
    return str(KINDS[kind].title) % _filled(data)


def words(kind: Kind, data: Data) -> str:
    return str(KINDS[kind].words) % _filled(data)


def _filled(data: Data) -> dict[str, str | int]:
    """Return the data with each amount also as people read it."""
    readable = {
        name.removesuffix("_e8"): amounts.amount(int(value), currency=settings.CURRENCY)
        for name, value in data.items()
        if name.endswith("_e8")
    }
    return {**data, **readable}
