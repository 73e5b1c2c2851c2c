"""What surrounds each page of a customer: the ways to all others, and what waits there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from relaypanel import amounts
from relaypanel.accounts.models import User
from relaypanel.ledger import book
from relaypanel.notices import inbox
from relaypanel.orders import history, refills
from relaypanel.payments import currencies
from relaypanel.tickets import desk


def shell(request: HttpRequest) -> dict[str, object]:
    """Let templates speak of `shell`; nothing is asked of the database until one does."""
    return {"shell": SimpleLazyObject(lambda: Shell(request))}


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """`count` stands beside the words when it is not zero; `urgent` colours it."""

    href: str
    icon: str
    words: str
    current: bool
    count: int = 0
    urgent: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    title: str
    links: Sequence[Link]


class Shell:
    def __init__(self, request: HttpRequest) -> None:
        assert isinstance(request.user, User)
        self._user = request.user
        self._path = request.path

    @cached_property
    def balance_e8(self) -> int:
        return book.balance(user_id=self._user.pk)

    @cached_property
    def unread_tickets(self) -> int:
        return desk.unread(user_id=self._user.pk)

    @property
    def about_balance(self) -> str:
        """The balance in the reader's second currency, roughly; "" without one."""
        code = self._user.second_currency
        about = currencies.about_e8(self.balance_e8, code=code) if code else None
        return "" if about is None else amounts.amount(about, currency=code)

    @cached_property
    def unread_notices(self) -> int:
        return inbox.unread(self._user.pk)

    @cached_property
    def running_orders(self) -> int:
        return history.running(self._user.pk)

    @cached_property
    def running_refills(self) -> int:
        return refills.running(self._user.pk)

    @property
    def name(self) -> str:
        return self._user.display_name or self._user.username

    @property
    def initials(self) -> str:
        words = self.name.split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()

    @property
    def groups(self) -> list[Group]:
        return [
            Group(title="", links=self._shop()),
            Group(title=_("Money"), links=self._money()),
            Group(title=_("Account"), links=self._account()),
        ]

    @property
    def tabs(self) -> list[Link]:
        return [
            self._link("/dashboard", "layout-dashboard", _("Home")),
            self._link("/orders", "list-details", _("Orders")),
            self._link("/new-order", "plus", _("New order")),
            self._link("/services", "apps", _("Services")),
        ]

    def _shop(self) -> list[Link]:
        return [
            self._link("/dashboard", "layout-dashboard", _("Dashboard")),
            self._link("/new-order", "circle-plus", _("New order")),
            self._link("/mass-order", "playlist-add", _("Mass order")),
            self._link("/orders", "list-details", _("Orders"), count=self.running_orders),
            self._link("/drip-feeds", "droplet", _("Drip-feed")),
            self._link("/subscriptions", "repeat", _("Subscriptions")),
            self._link("/refills", "refresh", _("Refills"), count=self.running_refills),
            self._link("/services", "apps", _("Services")),
            self._link("/updates", "history", pgettext("price list", "Updates")),
        ]

    def _money(self) -> list[Link]:
        return [
            self._link("/funds", "wallet", _("Add funds")),
            self._link("/funds/statement", "receipt", _("Statement")),
        ]

    def _account(self) -> list[Link]:
        return [
            self._link("/api", "code", "API"),
            self._link(
                "/tickets", "lifebuoy", _("Support"), count=self.unread_tickets, urgent=True
            ),
            self._link("/settings", "settings", _("Settings")),
        ]

    def _link(
        self, href: str, icon: str, words: str, *, count: int = 0, urgent: bool = False
    ) -> Link:
        return Link(
            href=href,
            icon=icon,
            words=words,
            current=self._path == href or self._leads_into(href),
            count=count,
            urgent=urgent,
        )

    def _leads_into(self, href: str) -> bool:
        # The statement has a link of its own below /funds.
        return self._path.startswith(f"{href}/") and self._path != "/funds/statement"
