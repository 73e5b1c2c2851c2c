"""What surrounds each page of the desk: the ways that its reader's rights open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from relaypanel.accounts import rights
from relaypanel.accounts.models import Section, User
from relaypanel.accounts.rights import Rights
from relaypanel.orders import finder
from relaypanel.orders.finder import Waiting
from relaypanel.payments import finder as topups
from relaypanel.tickets import staff as tickets


def desk(request: HttpRequest) -> dict[str, object]:
    """Let templates speak of `desk`; nothing is asked of the database until one does."""
    return {"desk": SimpleLazyObject(lambda: Desk(request))}


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """A page that the navigation leads to.  `words` is a tuple's text in the reader's language."""

    section: Section
    name: str
    icon: str
    words: str | Promise
    # Which count stands beside it: one of Waiting, or of _COUNTS.
    waits: str = ""
    # It stands in the bar of a phone too.
    is_tab: bool = False


# A section's pages as the side bar shows them, group by group.  A new page is one line.
WAYS: Final[Sequence[tuple[str | Promise, Sequence[Way]]]] = (
    (
        "",
        (
            Way(
                section=Section.OVERVIEW,
                name="staff:overview",
                icon="layout-dashboard",
                words=_("Overview"),
                is_tab=True,
            ),
            Way(
                section=Section.ORDERS,
                name="staff:orders",
                icon="list-details",
                words=_("Orders"),
                is_tab=True,
            ),
        ),
    ),
    (
        _("To decide"),
        (
            Way(
                section=Section.ORDERS,
                name="staff:unconfirmed",
                icon="help-circle",
                words=_("Unconfirmed"),
                waits="unconfirmed",
            ),
            Way(
                section=Section.ORDERS,
                name="staff:cancels",
                icon="circle-x",
                words=_("Cancels"),
                waits="cancels",
                is_tab=True,
            ),
            Way(
                section=Section.ORDERS,
                name="staff:refills",
                icon="refresh",
                words=_("Refills"),
                waits="refills",
            ),
            Way(
                section=Section.MONEY,
                name="staff:topups",
                icon="cash",
                words=_("Top-ups"),
                waits="topups",
            ),
        ),
    ),
    (
        _("People"),
        (
            Way(
                section=Section.USERS,
                name="staff:users",
                icon="users",
                words=_("Users"),
                is_tab=True,
            ),
            Way(
                section=Section.TICKETS,
                name="staff:tickets",
                icon="lifebuoy",
                words=_("Tickets"),
                waits="tickets",
            ),
        ),
    ),
    (
        _("Trade"),
        (
            Way(
                section=Section.CATALOGUE,
                name="staff:services",
                icon="apps",
                words=_("Services"),
            ),
            Way(
                section=Section.CATALOGUE,
                name="staff:shelves",
                icon="folders",
                words=_("Categories"),
            ),
            Way(
                section=Section.PROVIDERS,
                name="staff:providers",
                icon="plug-connected",
                words=_("Providers"),
            ),
            Way(
                section=Section.PROVIDERS,
                name="staff:quarantine",
                icon="shield-question",
                words=_("Price changes"),
            ),
            Way(
                section=Section.MONEY,
                name="staff:methods",
                icon="credit-card",
                words=_("Payment methods"),
            ),
            Way(
                section=Section.MONEY,
                name="staff:books",
                icon="book",
                words=_("Books"),
            ),
        ),
    ),
    (
        _("House"),
        (
            Way(
                section=Section.SETTINGS,
                name="staff:set-up",
                icon="checklist",
                words=_("First steps"),
            ),
            Way(
                section=Section.SETTINGS,
                name="staff:settings",
                icon="settings",
                words=_("Settings"),
            ),
            Way(
                section=Section.AUDIT_LOG,
                name="staff:audit-log",
                icon="history",
                words=pgettext_lazy("desk", "Audit log"),
            ),
        ),
    ),
)


# Counts that orders know nothing of.
_COUNTS: Final[Mapping[str, Callable[[], int]]] = {
    "tickets": tickets.unread,
    "topups": topups.to_check,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
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


class Desk:
    def __init__(self, request: HttpRequest) -> None:
        assert isinstance(request.user, User)
        self._user = request.user
        self._path = request.path
        self._rights: Rights = getattr(request, "rights", None) or rights.of(request.user)

    @property
    def name(self) -> str:
        return self._user.display_name or self._user.username

    @property
    def initials(self) -> str:
        words = self.name.split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()

    @cached_property
    def groups(self) -> list[Group]:
        groups = [Group(title=str(title), links=self._links(ways)) for title, ways in WAYS]
        return [group for group in groups if group.links]

    @property
    def tabs(self) -> list[Link]:
        """The ways in the bar of a phone, which has room for four."""
        ways = [way for _, group in WAYS for way in group if way.is_tab]
        return self._links(ways)[:4]

    @cached_property
    def may_view(self) -> dict[str, bool]:
        return {section.value: self._rights.may_view(section) for section in Section}

    @cached_property
    def may_edit(self) -> dict[str, bool]:
        return {section.value: self._rights.may_edit(section) for section in Section}

    @cached_property
    def waiting(self) -> Waiting:
        return finder.waiting()

    def _links(self, ways: Sequence[Way]) -> list[Link]:
        return [self._link(way) for way in ways if self._rights.may_view(way.section)]

    def _link(self, way: Way) -> Link:
        href = reverse(way.name)
        return Link(
            href=href,
            icon=way.icon,
            words=str(way.words),
            current=self._path == href or self._path.startswith(f"{href}/"),
            count=self._count(way.waits),
            urgent=way.waits == "unconfirmed",
        )

    def _count(self, waits: str) -> int:
        if waits in _COUNTS:
            return _COUNTS[waits]()
        return getattr(self.waiting, waits) if waits else 0
