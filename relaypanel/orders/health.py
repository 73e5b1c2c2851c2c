"""How well a provider does: its breaker and its pauses, kept by its last answers to orders.

An unclear answer may mean an order that we cannot find again, so a provider that gives three of
them in a row rests.  Then it is asked for our balance, which risks no order; only when it answers
that plainly, one order goes as a probe.  While probes stay unclear, the rests grow.  The reasons
are in docs/decisions/0014-a-breaker-that-asks-before-it-risks-an-order.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from relaypanel.providers import answers
from relaypanel.providers.answers import Fault
from relaypanel.providers.models import Provider

# The breaker: this many unclear answers in a row let nothing more out for a while.
UNCLEAR_MAX: Final = 3
UNCLEAR: Final = "unclear_answers"
# It answers calls that risk nothing: one order may go now.
PROBED: Final = "one_at_a_time"
# The rests after the third unclear answer, and after each unclear probe; the last stays.  A storm
# of 20 seconds costs one probe and is over for us 10 seconds later; an hour of it costs 61.
RESTS_SECONDS: Final = (10, 20, 40, 60)
# Between two calls that risk nothing.
ASK_AGAIN: Final = timedelta(seconds=5)
# How long a provider rests after an answer that needs its owner: a top-up or a new key.
PAUSE: Final = timedelta(minutes=5)
# How long a provider rests that could not be reached.
UNREACHABLE: Final = timedelta(seconds=2)


def room(provider: Provider, *, now: datetime) -> int:
    """Return how many orders may be on their way to this provider at once, at this moment.

    After a pause one goes first, and its answer decides about the others.
    """
    if not provider.enabled or provider.paused_for == UNCLEAR:
        return 0
    if provider.paused_until is not None and provider.paused_until > now:
        return 0
    return 1 if provider.paused_for else provider.concurrency


def is_to_be_asked(provider: Provider, *, now: datetime) -> bool:
    """Return whether the breaker is open, and its rest over: a call that risks nothing decides."""
    rests = provider.paused_until is not None and provider.paused_until > now
    return provider.enabled and provider.paused_for == UNCLEAR and not rests


def note_asked(*, provider_id: int, answers_plainly: bool, now: datetime) -> None:
    """Let one order go to a provider that answers plainly, and ask any other again soon."""
    rows = Provider.objects.filter(pk=provider_id, paused_for=UNCLEAR)
    if answers_plainly:
        rows.update(paused_for=PROBED, paused_until=None)
    else:
        rows.update(paused_until=now + ASK_AGAIN)


def note(*, provider_id: int, answer: answers.AddAnswer, now: datetime) -> None:
    """Keep the provider's breaker and pauses by its last answer; no write while all is well."""
    rows = Provider.objects.filter(pk=provider_id)
    match answer:
        case answers.Unclear():
            _count_unclear(provider_id, now=now)
        case answers.NotSent():
            # A longer pause stays, and so does the breaker: this call had set out before it began.
            rows.exclude(Q(paused_until__gt=now + UNREACHABLE) | Q(paused_for=UNCLEAR)).update(
                paused_for="no_connection", paused_until=now + UNREACHABLE
            )
        case answers.Rejected(fault=(Fault.NO_FUNDS | Fault.BAD_KEY) as fault):
            rows.update(paused_for=fault.value, paused_until=now + PAUSE, unclear_in_a_row=0)
        case answers.Rejected():
            # It speaks clearly again; whether it has money for us, only a taken order tells.
            rows.filter(unclear_in_a_row__gt=0).update(unclear_in_a_row=0)
            rows.filter(paused_for__in=(UNCLEAR, PROBED, "no_connection")).update(
                paused_for="", paused_until=None
            )
        case answers.Accepted():
            rows.filter(Q(unclear_in_a_row__gt=0) | ~Q(paused_for="")).update(
                unclear_in_a_row=0, paused_for="", paused_until=None
            )


def is_well(provider: Provider) -> bool:
    """Return whether an order that was taken would tell us nothing new."""
    return not provider.paused_for and provider.unclear_in_a_row == 0


def _count_unclear(provider_id: int, *, now: datetime) -> None:
    with transaction.atomic():
        provider = Provider.objects.select_for_update(no_key=True).get(pk=provider_id)
        if provider.paused_for == UNCLEAR and provider.paused_until and provider.paused_until > now:
            # It had set out before the breaker opened, and tells nothing new.
            return
        provider.unclear_in_a_row += 1
        if provider.unclear_in_a_row >= UNCLEAR_MAX:
            provider.paused_for = UNCLEAR
            provider.paused_until = now + rest(provider.unclear_in_a_row)
        provider.save(update_fields=["unclear_in_a_row", "paused_for", "paused_until"])


def rest(unclear_in_a_row: int) -> timedelta:
    """Return how long the breaker stays open after so many unclear answers in a row."""
    step = min(unclear_in_a_row - UNCLEAR_MAX, len(RESTS_SECONDS) - 1)
    return timedelta(seconds=RESTS_SECONDS[step])
