"""Panels upstream, and what they say they sell."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from relaypanel.contract import OrderType


class Provider(models.Model):
    name = models.CharField(max_length=60, unique=True)
    # The whole address of its API v2 endpoint.  Never shown to a customer.
    url = models.URLField(max_length=300)
    key_encrypted = models.TextField()
    currency = models.CharField(max_length=3, default="USD")
    # What one unit of its currency costs in the panel's.  NULL: it is the same currency.
    rate_to_panel_e8 = models.BigIntegerField(null=True, blank=True)
    enabled = models.BooleanField(default=True)

    # -- dialect: what this panel does its own way --
    # The whole time one call may take, from the first look-up of its name to the last byte.
    deadline_ms = models.PositiveIntegerField(default=30_000)
    # How many `add` calls are in flight at once.
    concurrency = models.PositiveSmallIntegerField(default=16)
    # IDs in one multiple-status call; 1 for a panel without that form.
    status_batch = models.PositiveSmallIntegerField(default=100)
    poll_seconds = models.PositiveIntegerField(default=30)
    # It takes our `client_ref` and answers the same value with the same order.
    speaks_client_ref = models.BooleanField(default=False)
    # The IDs of its orders only grow, so that those between two of ours tell what became of one.
    brackets_ids = models.BooleanField(default=False)
    # Nobody but this panel spends with our key, so that our balance there tells what it took.
    key_is_exclusive = models.BooleanField(default=False)

    # -- health, written by the worker --
    balance_e8 = models.BigIntegerField(null=True)
    balance_at = models.DateTimeField(null=True)
    # Why sending stands still ("no_funds", "bad_key"), or goes one at a time; empty while it goes.
    paused_for = models.CharField(max_length=40, blank=True, default="")
    # Sending waits until then: a breaker after unclear answers, or a pause before the next try.
    paused_until = models.DateTimeField(null=True)
    unclear_in_a_row = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(status_batch__range=(1, 100)), name="status_batch_is_one_to_a_hundred"
            ),
            models.CheckConstraint(
                condition=Q(concurrency__range=(1, 200)), name="concurrency_is_one_to_200"
            ),
            models.CheckConstraint(
                condition=Q(poll_seconds__range=(1, 86_400)), name="a_poll_rests_a_second_to_a_day"
            ),
            models.CheckConstraint(
                condition=Q(rate_to_panel_e8__gte=1) | Q(rate_to_panel_e8=None),
                name="a_currency_costs_something",
            ),
            models.CheckConstraint(
                condition=Q(deadline_ms__range=(50, 120_000)), name="deadline_is_50ms_to_2min"
            ),
        )

    def __str__(self) -> str:
        return self.name


class UpstreamService(models.Model):
    """One row of a provider's price list, as last fetched.  Money is in the provider's currency."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="services")
    # Text, because it is theirs: we give it back exactly as it came.
    upstream_id = models.CharField(max_length=40)
    name = models.TextField()
    description = models.TextField(blank=True, default="")
    category = models.TextField(blank=True, default="")
    platform = models.TextField(blank=True, default="")
    type = models.CharField(max_length=40, choices=[(t.value, t.value) for t in OrderType])
    rate_e8 = models.BigIntegerField()
    min = models.BigIntegerField()
    max = models.BigIntegerField()
    refill = models.BooleanField()
    cancel = models.BooleanField()
    dripfeed = models.BooleanField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("provider", "upstream_id"), name="an_upstream_service_is_listed_once"
            ),
            models.CheckConstraint(
                condition=Q(rate_e8__gte=0), name="an_upstream_rate_is_not_negative"
            ),
        )

    def __str__(self) -> str:
        return f"{self.upstream_id} {self.name}"


class BalanceReading(models.Model):
    """What we had left at a provider, in its currency; a row each time that it was another sum."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="readings")
    at = models.DateTimeField()
    amount_e8 = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=("provider", "at"), name="reading_of_a_provider_by_time"),)

    def __str__(self) -> str:
        return f"{self.provider_id} at {self.at:%Y-%m-%d %H:%M}"


class Trouble(models.Model):
    """What a provider did not do that was asked of it; the same words in a row are one line."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="troubles")
    # The kind of duty that met it: "send", "poll", "mirror", …
    duty = models.CharField(max_length=40)
    # For staff alone, secrets masked.
    words = models.CharField(max_length=500)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    class Meta:
        indexes = (models.Index(fields=("provider", "id"), name="trouble_list_of_a_provider"),)

    def __str__(self) -> str:
        return f"{self.provider_id} {self.duty}: {self.words}"
