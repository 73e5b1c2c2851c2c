"""What is sold: platform → category → service, at which rate to whom, and who fulfils it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from relaypanel import money
from relaypanel.contract import OrderType
from relaypanel.providers.models import UpstreamService


class Platform(models.Model):
    name = models.CharField(max_length=120, unique=True)
    position = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Category(models.Model):
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="categories")
    name = models.CharField(max_length=200)
    position = models.IntegerField(default=0)

    class Meta:
        verbose_name_plural = "categories"
        constraints = (
            models.UniqueConstraint(
                fields=("platform", "name"), name="a_platform_names_a_category_once"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Visibility(models.TextChoices):
    ENABLED = "enabled"  # listed and sold
    HIDDEN = "hidden"  # neither listed nor sold, and kept by staff to come back
    DISABLED = "disabled"  # closed: its provider is gone or staff ended it


class Service(models.Model):
    """A service for sale; its ID is the one that API clients know."""

    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="services")
    name = models.CharField(max_length=500)
    description = models.TextField(blank=True, default="")
    type = models.CharField(max_length=40, choices=[(t.value, t.value) for t in OrderType])
    rate_e8 = models.BigIntegerField()
    # How many pieces the rate buys: 1000, or 1 for what is sold by the piece.
    rate_per = models.PositiveSmallIntegerField(default=1000)
    min = models.BigIntegerField(default=1)
    max = models.BigIntegerField(default=1)
    # For how many days after completion a refill may be asked; NULL: no refill.
    refill_days = models.PositiveSmallIntegerField(null=True, blank=True)
    # How long after completion the first refill may be asked.
    refill_after_hours = models.PositiveSmallIntegerField(default=24)
    cancel = models.BooleanField(default=False)
    dripfeed = models.BooleanField(default=False)
    # No second order for a link while one runs: the provider would count both as one.
    one_order_per_link = models.BooleanField(default=False)
    visibility = models.CharField(
        max_length=10, choices=Visibility.choices, default=Visibility.ENABLED
    )
    position = models.IntegerField(default=0)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(rate_e8__range=(0, money.MAX_E8)), name="a_rate_is_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(rate_per__in=(1, 1000)), name="a_rate_buys_one_or_a_thousand"
            ),
            models.CheckConstraint(
                condition=Q(min__gte=1, max__gte=F("min"), max__lte=2**31 - 1),
                name="bounds_are_in_order",
            ),
            models.CheckConstraint(
                condition=Q(visibility__in=Visibility.values), name="visibility_is_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk} {self.name}"


class Route(models.Model):
    """A provider's service that can fulfil ours.  The lowest position is tried first.

    A service without routes is manual: staff fulfil it by hand.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="routes")
    upstream = models.ForeignKey(UpstreamService, on_delete=models.PROTECT, related_name="routes")
    position = models.PositiveSmallIntegerField(default=0)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ("position", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("service", "upstream"), name="a_service_has_a_route_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.service_id} → {self.upstream_id}"


class UserRate(models.Model):
    """A rate agreed with one user for one service.  It stands above every discount."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="user_rates")
    rate_e8 = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user", "service"), name="one_rate_per_user_and_service"
            ),
            models.CheckConstraint(
                condition=Q(rate_e8__range=(0, money.MAX_E8)), name="a_user_rate_is_not_negative"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} pays {money.text(self.rate_e8)} for {self.service_id}"


class Discount(models.Model):
    """What a user is let off every rate, in hundredths of a percent: 850 is 8.5 %."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="discount"
    )
    percent_e2 = models.PositiveSmallIntegerField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(percent_e2__range=(0, 10_000)), name="a_discount_is_at_most_everything"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} −{self.percent_e2 / 100:.2f} %"
