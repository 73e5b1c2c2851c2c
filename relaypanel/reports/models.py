"""What the desk's first page is drawn from: added up by the worker, so that no page has to."""

from __future__ import annotations

from django.db import models


class Day(models.Model):
    """The orders placed on one day (UTC), as they stood when they were last added up."""

    date = models.DateField(primary_key=True)
    orders = models.PositiveIntegerField()
    # Charges less what was given back.
    sales_e8 = models.BigIntegerField()
    # What providers say they took, in the panel's currency.
    cost_e8 = models.BigIntegerField()
    new_users = models.PositiveIntegerField()
    # How many orders stand in each state: {"completed": 12}.
    states = models.JSONField(default=dict)
    added_up_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.date}: {self.orders} orders"


class Best(models.Model):
    """What sold best, and to whom, over so many days."""

    days = models.PositiveSmallIntegerField(primary_key=True)
    # [{"id": 7, "name": "…", "orders": 12, "sales_e8": 300000000}, …], the best first.
    services = models.JSONField(default=list)
    customers = models.JSONField(default=list)
    added_up_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "best"

    def __str__(self) -> str:
        return f"best of {self.days} days"


class Proof(models.Model):
    """One proof of the books: what was looked at, and what differed."""

    at = models.DateTimeField()
    counts = models.JSONField(default=dict)
    # The first differences in words; none: the books agree.
    differences = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"proof of {self.at:%Y-%m-%d}"


class BookDay(models.Model):
    """What moved on one day (UTC), by kind, and what customers held at its end."""

    date = models.DateField(primary_key=True)
    # {"deposit": {"number": 3, "in_e8": 900000000, "out_e8": 0}, …}: to customers, and from them.
    moved = models.JSONField(default=dict)
    # All balances together: what the panel owes its customers.
    owed_e8 = models.BigIntegerField()
    added_up_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"books of {self.date}"
