from __future__ import annotations

from django.db import models


class Duty(models.Model):
    """Work that comes back: "send:3", "poll:3", "schedules".  See lease.py."""

    name = models.CharField(max_length=60, unique=True)
    due_at = models.DateTimeField()
    # Until when one worker has this duty; NULL or past: nobody has.
    leased_until = models.DateTimeField(null=True)
    # Grows with every claim: a worker that lost its lease holds an old one, and finishes nothing.
    token = models.BigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True, default="")
    # Where a sweep stopped, in the duty's own words.
    cursor = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "duties"
        indexes = (models.Index(fields=("due_at",), name="duty_claim_earliest_due"),)

    def __str__(self) -> str:
        return self.name


class Restoration(models.Model):
    """The owner said that the database was restored from a backup; see worker/history.py."""

    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"restored {self.at}"
