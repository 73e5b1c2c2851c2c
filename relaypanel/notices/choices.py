"""What a user wants to be told, by which way."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from relaypanel.notices.kinds import CHOOSABLE, KINDS
from relaypanel.notices.models import Channel, Choice, Kind

Way = tuple[Kind, Channel]


def wanted(user_id: int) -> frozenset[Way]:
    """Return the kinds and ways that the user wants: by their own word, else by default."""
    chosen = {
        (Kind(choice.kind), Channel(choice.channel)): choice.is_wanted
        for choice in Choice.objects.filter(user=user_id)
    }
    return frozenset(way for way in _ways() if chosen.get(way, _is_default(way)))


def save(*, user_id: int, wanted: Collection[Way]) -> None:
    """Keep the user's word; where it is what holds anyway, nothing is kept."""
    with transaction.atomic():
        Choice.objects.filter(user=user_id).delete()
        Choice.objects.bulk_create(
            (
                Choice(user_id=user_id, kind=kind, channel=channel, is_wanted=is_wanted)
                for kind, channel in _ways()
                if (is_wanted := (kind, channel) in wanted) != _is_default((kind, channel))
            ),
            ignore_conflicts=True,
        )


def _ways() -> list[Way]:
    return [(kind, channel) for kind in CHOOSABLE for channel in Channel]


def _is_default(way: Way) -> bool:
    kind, channel = way
    return channel in KINDS[kind].channels
