"""Who signed in as a user, or tried to, from where: kept for half a year, for the user to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from relaypanel.accounts.models import SignIn, SignInHow, User

# Long enough to notice; an address is data about a person, and is not kept for longer.
KEPT_FOR: Final = timedelta(days=180)
# Each sign-in takes old ones of anybody along, faster than new ones come.
_FORGOTTEN_AT_ONCE: Final = 20
_USER_AGENT_MAX: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """`before` asks for the page after this one; None: this is the last."""

    sign_ins: list[SignIn]
    before: int | None


def record(
    *,
    user_id: int,
    how: SignInHow,
    succeeded: bool,
    address: str,
    user_agent: str,
    now: datetime,
) -> None:
    """Write that somebody signed in as this user, or failed to."""
    SignIn.objects.create(
        user_id=user_id,
        at=now,
        how=how,
        succeeded=succeeded,
        address=address,
        user_agent=_kept(user_agent),
    )
    old = SignIn.objects.filter(at__lt=now - KEPT_FOR).order_by("at")
    SignIn.objects.filter(
        pk__in=list(old.values_list("pk", flat=True)[:_FORGOTTEN_AT_ONCE])
    ).delete()


def page(*, user_id: int, now: datetime, before: int | None = None, limit: int = 50) -> Page:
    """Return the user's sign-ins and failures, the latest first."""
    rows = SignIn.objects.filter(user_id=user_id, at__gte=now - KEPT_FOR).order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: limit + 1])
    kept = found[:limit]
    return Page(sign_ins=kept, before=kept[-1].pk if len(found) > limit else None)


def is_from_a_new_device(*, user_id: int, user_agent: str) -> bool:
    """Tell whether the user has signed in before, and never by a browser that says this."""
    before = SignIn.objects.filter(user_id=user_id, succeeded=True)
    agents = set(before.values_list("user_agent", flat=True).distinct())
    return bool(agents) and _kept(user_agent) not in agents


def _kept(user_agent: str) -> str:
    return user_agent.replace("\0", "")[:_USER_AGENT_MAX]


def meant(login: str) -> User | None:
    """Return whom a failed attempt was aimed at, by name or e-mail in any case; None: nobody."""
    wanted = login.replace("\0", "").lower()
    column = "email" if "@" in wanted else "username"
    found = User.objects.filter(Exact(Lower(column), wanted)).first() if wanted else None
    # A name may hold an "@" too.
    if found is None and column == "email":
        found = User.objects.filter(Exact(Lower("username"), wanted)).first()
    return found
