"""A customer's webhooks: added, turned off and on, tried, and told again."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from django.db import transaction

from relaypanel import errors, vault
from relaypanel.accounts.models import User
from relaypanel.notices import kinds, outbox
from relaypanel.notices.models import Delivery, DeliveryState, Endpoint, Kind

WEBHOOKS_MAX: Final = 5
_URL_CHARACTERS_MAX: Final = 500
# Printable ASCII: what a browser would show as another host must not be kept as this one.
_URL: Final = re.compile(r"[!-~]+", re.ASCII)


class BadWebhookUrl(errors.Refused):
    code = "bad_webhook_url"


class UnknownEvent(errors.Refused):
    code = "unknown_event"


class TooManyWebhooks(errors.Refused):
    code = "too_many_webhooks"


class WebhookNotFound(errors.Refused):
    """There is none, or it is somebody else's: the answer is the same."""

    code = "webhook_not_found"


def add(*, user_id: int, url: str, events: Collection[str], now: datetime) -> tuple[Endpoint, str]:
    """Return a new webhook and its secret, to be shown this once.

    Raises BadWebhookUrl, UnknownEvent and TooManyWebhooks.
    """
    _check(url, events)
    with transaction.atomic():
        # Of two that are added at once both are counted.
        User.objects.select_for_update(no_key=True).get(pk=user_id)
        if Endpoint.objects.filter(user=user_id).count() >= WEBHOOKS_MAX:
            raise TooManyWebhooks
        endpoint = Endpoint.objects.create(
            user_id=user_id, url=url, events=sorted(set(events)), made_at=now
        )
        return endpoint, renew_secret(endpoint)


def change(*, user_id: int, endpoint_id: int, url: str, events: Collection[str]) -> Endpoint:
    """Return the changed webhook.  Raises WebhookNotFound, BadWebhookUrl and UnknownEvent."""
    endpoint = own(user_id, endpoint_id)
    _check(url, events)
    endpoint.url, endpoint.events = url, sorted(set(events))
    endpoint.save(update_fields=["url", "events"])
    return endpoint


def turn(*, user_id: int, endpoint_id: int, on: bool, now: datetime) -> None:
    """Tell a webhook again, from a clean slate, or no more.  Raises WebhookNotFound."""
    own(user_id, endpoint_id)
    Endpoint.objects.filter(pk=endpoint_id).update(
        disabled_at=None if on else now, failures=0, failing_since=None, rests_until=None
    )


def remove(*, user_id: int, endpoint_id: int) -> None:
    """Forget a webhook and its deliveries.  Raises WebhookNotFound."""
    own(user_id, endpoint_id).delete()


def renew_secret(endpoint: Endpoint) -> str:
    """Return a new secret, to be shown this once; the old one signs nothing any more."""
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    endpoint.secret_sealed = vault.seal(secret, place=_place(endpoint))
    endpoint.save(update_fields=["secret_sealed"])
    return secret


def secret_of(endpoint: Endpoint) -> str:
    """Return the secret that signs.  Raises vault.Unreadable."""
    return vault.unseal(endpoint.secret_sealed, place=_place(endpoint))


def send_test(*, user_id: int, endpoint_id: int, now: datetime) -> Delivery:
    """Return a call that was made up to try the webhook.  Raises WebhookNotFound."""
    endpoint = own(user_id, endpoint_id)
    data: kinds.Data = {"endpoint": endpoint.pk, "at": now.isoformat()}
    return outbox.tell_webhook(endpoint, kind=Kind.WEBHOOK_TEST, data=data, now=now)


def replay(*, user_id: int, endpoint_id: int, delivery_id: int, now: datetime) -> bool:
    """Call again with what was told before; False: it waits already.  Raises WebhookNotFound."""
    own(user_id, endpoint_id)
    rows = Delivery.objects.filter(pk=delivery_id, endpoint=endpoint_id)
    if not rows.exists():
        raise WebhookNotFound
    # The number of tries begins anew, and an answer to an old try finds another state.
    return bool(
        rows.exclude(state=DeliveryState.WAITING).update(
            state=DeliveryState.WAITING, attempts=0, due_at=now, ended_at=None
        )
    )


def own(user_id: int, endpoint_id: int) -> Endpoint:
    """Return the user's webhook.  Raises WebhookNotFound."""
    endpoint = Endpoint.objects.filter(user=user_id, pk=endpoint_id).first()
    if endpoint is None:
        raise WebhookNotFound
    return endpoint


def _check(url: str, events: Collection[str]) -> None:
    if not _is_address(url):
        raise BadWebhookUrl
    if not set(events) <= kinds.EVENTS.keys() or not events:
        raise UnknownEvent


def _is_address(url: str) -> bool:
    if len(url) > _URL_CHARACTERS_MAX or not _URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    # A name and password in it would be shown wherever the address is.
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def _place(endpoint: Endpoint) -> str:
    return f"webhook:{endpoint.pk}"
