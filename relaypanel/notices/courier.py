"""Carries one parcel: a signed call of a webhook, or a letter.  No database is open here."""

from __future__ import annotations

import asyncio
from datetime import UTC
from smtplib import SMTPException
from typing import Final

import msgspec
import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.translation import gettext
from standardwebhooks.webhooks import Webhook

from relaypanel import clock, http, money
from relaypanel.notices import kinds
from relaypanel.notices.deliver import Outcome, Parcel
from relaypanel.notices.kinds import KINDS

log = structlog.get_logger(__name__)

DEADLINE_SECONDS: Final = 10.0
# Nobody reads what a webhook answers, but it must end.
ANSWER_BYTES_MAX: Final = 64 * 1024


class Courier:
    def __init__(self, send: http.Send) -> None:
        self._send = send

    async def carry(self, parcel: Parcel) -> Outcome:
        """Return how it went; what goes wrong on the way is an outcome, not an exception."""
        if parcel.url:
            return await self._call(parcel)
        return await asyncio.to_thread(_mail, parcel)

    async def _call(self, parcel: Parcel) -> Outcome:
        body = payload(parcel)
        try:
            reply = await self._send(
                parcel.url,
                body,
                signed(parcel, body),
                deadline_seconds=DEADLINE_SECONDS,
                bytes_max=ANSWER_BYTES_MAX,
            )
        except (http.NotSent, http.Unclear) as failure:
            # A private address among them is nothing that a customer needs to read about.
            log.info("webhook_failed", endpoint=parcel.endpoint_id, error=str(failure))
            return Outcome(is_delivered=False, error="no answer")
        return Outcome(is_delivered=200 <= reply.status < 300, status=reply.status)


def payload(parcel: Parcel) -> bytes:
    """Return what a webhook is told: amounts as text, exact, in the panel's currency."""
    data = {
        name.removesuffix("_e8"): money.text(int(value)) if name.endswith("_e8") else value
        for name, value in parcel.data.items()
    }
    if any(name.endswith("_e8") for name in parcel.data):
        data["currency"] = settings.CURRENCY
    return msgspec.json.encode(
        {
            "type": KINDS[parcel.kind].event,
            "timestamp": parcel.at.astimezone(UTC).isoformat(timespec="seconds"),
            "data": data,
        }
    )


def signed(parcel: Parcel, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks: the same ID each time, signed at this moment."""
    now = clock.now().replace(microsecond=0)
    message_id = f"msg_{parcel.notice_id}"
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(parcel.secret).sign(message_id, now, body.decode()),
    }


def letter(parcel: Parcel) -> EmailMessage:
    """Return the letter, in the reader's language."""
    with translation.override(parcel.language):
        title = kinds.title(parcel.kind, parcel.data)
        parts = (
            gettext("Hello %(name)s,") % {"name": parcel.name},
            title,
            kinds.words(parcel.kind, parcel.data),
            f"{settings.PUBLIC_URL}{kinds.path(parcel.kind, parcel.data)}",
            f"— {settings.PANEL_NAME}",
            gettext("You choose what we tell you here:"),
            f"{settings.PUBLIC_URL}/settings/notices",
        )
    # One line, whatever the data held: a newline in a subject is another header.
    subject = " ".join(f"{settings.PANEL_NAME}: {title}".split())
    return EmailMessage(subject=subject, body="\n\n".join(parts), to=[parcel.email])


def _mail(parcel: Parcel) -> Outcome:
    if not parcel.email:
        return Outcome(is_delivered=False, error="no address")
    try:
        letter(parcel).send()
    except (SMTPException, OSError) as failure:
        log.warning("letter_failed", delivery=parcel.delivery_id, error=type(failure).__name__)
        return Outcome(is_delivered=False, error="the mail server did not take it")
    return Outcome(is_delivered=True)
