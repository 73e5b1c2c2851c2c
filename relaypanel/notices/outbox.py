"""Tells people what happened, in the transaction in which it happens.

    outbox.tell(user_id=7, kind=Kind.ORDER_CANCELED, data={"order": 812, …}, now=now)

What is told is written here and nothing is sent: the worker carries letters and webhook calls
(deliver.py).  The key of a kind says what happened once, so telling it again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from relaypanel.accounts.models import User
from relaypanel.notices import kinds
from relaypanel.notices.kinds import KINDS, Data
from relaypanel.notices.models import Channel, Choice, Delivery, Endpoint, Kind, Notice


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    user_id: int
    kind: Kind
    data: Data

    @property
    def key(self) -> str:
        return kinds.key(self.kind, user_id=self.user_id, data=self.data)


def tell(*, user_id: int, kind: Kind, data: Data, now: datetime) -> bool:
    """Return whether it was told now: False when it had been, or the user wants none of it."""
    return tell_all([News(user_id=user_id, kind=kind, data=data)], now=now) > 0


def tell_all(news: Sequence[News], *, now: datetime) -> int:
    """Tell many things with a constant number of statements, and return how many were new."""
    with transaction.atomic():
        fresh = _fresh(news)
        if not fresh:
            return 0
        ways = _Ways({one.user_id for one in fresh.values()})
        # In one order everywhere, so that two who tell the same never wait for each other.
        wanted = {key: one for key, one in sorted(fresh.items()) if ways.of(one)}
        _write(wanted, ways, now=now)
    return len(wanted)


def tell_webhook(endpoint: Endpoint, *, kind: Kind, data: Data, now: datetime) -> Delivery:
    """Tell one webhook alone, whatever it has chosen, and return the call that is waiting."""
    with transaction.atomic():
        notice = Notice.objects.create(
            user_id=endpoint.user_id,
            kind=kind,
            data=dict(data),
            key=kinds.key(kind, user_id=endpoint.user_id, data=data),
            at=now,
            is_listed=False,
        )
        return Delivery.objects.create(notice=notice, endpoint=endpoint, due_at=now)


class _Ways:
    """By which ways each of some users is told of each kind."""

    def __init__(self, user_ids: Collection[int]) -> None:
        self._words = {
            (choice.user_id, choice.kind, choice.channel): choice.is_wanted
            for choice in Choice.objects.filter(user__in=user_ids)
        }
        self._mailed = set(
            User.objects.filter(pk__in=user_ids, is_active=True)
            .exclude(email="")
            .values_list("pk", flat=True)
        )
        self._endpoints: defaultdict[int, list[Endpoint]] = defaultdict(list)
        for endpoint in Endpoint.objects.filter(user__in=user_ids, disabled_at=None).order_by("pk"):
            self._endpoints[endpoint.user_id].append(endpoint)

    def of(self, news: News) -> bool:
        return self.is_listed(news) or self.by_mail(news) or bool(self.endpoints(news))

    def is_listed(self, news: News) -> bool:
        return self._wants(news, Channel.PAGE)

    def by_mail(self, news: News) -> bool:
        return news.user_id in self._mailed and self._wants(news, Channel.MAIL)

    def endpoints(self, news: News) -> list[Endpoint]:
        event = KINDS[news.kind].event
        return [one for one in self._endpoints[news.user_id] if event and event in one.events]

    def _wants(self, news: News, channel: Channel) -> bool:
        default = channel in KINDS[news.kind].channels
        return self._words.get((news.user_id, news.kind, channel), default)


def _fresh(news: Iterable[News]) -> dict[str, News]:
    fresh = {one.key: one for one in news}
    for key in Notice.objects.filter(key__in=fresh).values_list("key", flat=True):
        del fresh[key]
    return fresh


def _write(wanted: Mapping[str, News], ways: _Ways, *, now: datetime) -> None:
    # Somebody else may be telling the same: of two rows with a key, or for a way, one stays.
    Notice.objects.bulk_create(
        (
            Notice(
                user_id=one.user_id,
                kind=one.kind,
                data=dict(one.data),
                key=key,
                at=now,
                is_listed=ways.is_listed(one),
            )
            for key, one in wanted.items()
        ),
        ignore_conflicts=True,
    )
    ids = dict(Notice.objects.filter(key__in=wanted).values_list("key", "pk"))
    deliveries = [
        Delivery(notice_id=ids[key], endpoint=endpoint, due_at=now)
        for key, one in wanted.items()
        for endpoint in (*((None,) if ways.by_mail(one) else ()), *ways.endpoints(one))
    ]
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
