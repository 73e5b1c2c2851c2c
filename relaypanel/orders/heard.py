"""What providers said, as rows: exchanges.py writes and reads them."""

from __future__ import annotations

from django.db import models
from django.db.models import Index, UniqueConstraint

from relaypanel.providers.models import Provider


class Exchange(models.Model):
    """What a provider said to an `add` that it did not plainly take.  See exchanges.py."""

    order = models.ForeignKey(
        "orders.Order", on_delete=models.CASCADE, related_name="exchanges", db_index=False
    )
    # The order's, of the attempt.
    token = models.PositiveIntegerField()
    provider = models.ForeignKey(
        Provider, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    at = models.DateTimeField()
    # The form as it went, without the key and each field cut; the reply with secrets masked.
    sent = models.JSONField()
    # The HTTP status; NULL: no whole reply came.
    status = models.PositiveIntegerField(null=True)
    reply = models.TextField(blank=True, default="")

    class Meta:
        indexes = (Index(fields=("at",), name="exchange_to_forget"),)
        constraints = (
            UniqueConstraint(fields=("order", "token"), name="an_attempt_has_one_exchange"),
        )

    def __str__(self) -> str:
        return f"order {self.order_id}, attempt {self.token}"
