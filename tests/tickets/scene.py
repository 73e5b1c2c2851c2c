"""Tickets and pictures where a test begins."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from PIL import Image

from relaypanel.accounts.models import User
from relaypanel.orders.models import Order
from relaypanel.tickets import desk
from relaypanel.tickets.models import Ticket
from tests import cast

NOW = cast.NOW


def later(**span: float) -> datetime:
    return NOW + timedelta(**span)


def order(user: User, **columns: Any) -> Order:
    return Order.objects.create(
        user=user,
        service=cast.service(),
        type="Default",
        link="https://example.com/post/1",
        quantity=100,
        rate_e8=1,
        rate_per=1000,
        charge_e8=0,
        remains=100,
        placed_at=NOW,
        due_at=NOW,
        **columns,
    )


def ticket(user: User, *, now: datetime = NOW, **said: Any) -> Ticket:
    asked: dict[str, Any] = {"subject": "Where is it?", "text": "It has not started."} | said
    return desk.open_ticket(user_id=user.pk, now=now, **asked)


def picture(*, format: str = "PNG", size: tuple[int, int] = (40, 30), **extra: Any) -> bytes:
    """Return a file as somebody uploads it."""
    file = BytesIO()
    colour = "#3366cc80" if extra.pop("transparent", False) else "#3366cc"
    mode = "RGBA" if len(colour) == 9 else "RGB"
    Image.new(mode, size, colour).save(file, format, **extra)
    return file.getvalue()
