"""What customers are told: notices, and the letters and webhook calls that carry them.

A notice is written in the transaction of what it tells about; what leaves the panel waits in
`Delivery` and is carried by the worker.  See outbox.py and deliver.py.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class Kind(models.TextChoices):
    """What may be told; kinds.py has the words of each."""

    ORDER_COMPLETED = "order_completed"
    ORDER_PARTIAL = "order_partial"
    ORDER_CANCELED = "order_canceled"
    REFILL_COMPLETED = "refill_completed"
    REFILL_REJECTED = "refill_rejected"
    LOW_BALANCE = "low_balance"
    TOPUP_CONFIRMED = "topup_confirmed"
    TOPUP_REJECTED = "topup_rejected"
    TICKET_ANSWERED = "ticket_answered"
    NEW_SIGN_IN = "new_sign_in"
    API_KEY_SHOWN = "api_key_shown"
    API_KEY_ROTATED = "api_key_rotated"
    WEBHOOK_DISABLED = "webhook_disabled"
    WEBHOOK_TEST = "webhook_test"


class Channel(models.TextChoices):
    PAGE = "page"  # the list behind the bell
    MAIL = "mail"


class Notice(models.Model):
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices"
    )
    kind = models.CharField(max_length=20, choices=Kind.choices)
    # What the words and the webhook's body are filled with; amounts in e8.
    data = models.JSONField(default=dict)
    # What happened, said once: "order:812:completed".
    key = models.CharField(max_length=160, unique=True)
    at = models.DateTimeField()
    # Stands in the list behind the bell; the others exist for their deliveries.
    is_listed = models.BooleanField(default=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("user", "id"), condition=Q(is_listed=True), name="notice_list_of_a_user"
            ),
            models.Index(
                fields=("user",), condition=Q(is_listed=True, read_at=None), name="notice_unread"
            ),
            models.Index(fields=("at",), name="notice_to_forget"),
        )

    def __str__(self) -> str:
        return self.key


class Choice(models.Model):
    """A user's own word on one kind and channel; without one, the kind's default holds."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    channel = models.CharField(max_length=4, choices=Channel.choices)
    is_wanted = models.BooleanField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user", "kind", "channel"), name="one_word_per_kind_and_channel"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel}: {self.is_wanted}"


class Endpoint(models.Model):
    """An address of a customer's that is told by webhook."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks"
    )
    url = models.CharField(max_length=500)
    # The signing secret, under FIELD_KEYS.
    secret_sealed = models.TextField()
    # The events that it is told of, by their names in kinds.py.
    events = models.JSONField(default=list)
    made_at = models.DateTimeField()
    # NULL: it is told.
    disabled_at = models.DateTimeField(null=True)
    # Failed calls in a row, and since when.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    # Not called before this moment, so that one that hangs does not hold up the others.
    rests_until = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(failures=0, failing_since=None)
                | Q(failures__gte=1, failing_since__isnull=False),
                name="failures_began_at_some_moment",
            ),
        )

    def __str__(self) -> str:
        return self.url


class DeliveryState(models.TextChoices):
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Delivery(models.Model):
    """One letter, or one call of one webhook."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    # NULL: a letter.
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, null=True, related_name="deliveries"
    )
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    # Grows with every try, so that an answer counts only for the try it belongs to.
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # How the last try went: the HTTP status, or words for its owner.
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = (
            models.Index(
                fields=("due_at", "id"),
                condition=Q(state=DeliveryState.WAITING),
                name="delivery_due",
            ),
            models.Index(fields=("endpoint", "id"), name="delivery_list_of_a_webhook"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("notice", "endpoint"),
                condition=Q(endpoint__isnull=False),
                name="a_webhook_is_told_once",
            ),
            models.UniqueConstraint(
                fields=("notice",), condition=Q(endpoint=None), name="a_letter_is_sent_once"
            ),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.WAITING, ended_at=None)
                | (~Q(state=DeliveryState.WAITING) & Q(ended_at__isnull=False)),
                name="a_delivery_ends_at_some_moment",
            ),
        )

    def __str__(self) -> str:
        return f"{self.notice_id} to {self.endpoint_id or 'mail'}: {self.state}"
