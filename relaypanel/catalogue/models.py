"""What is sold: platform → category → service, at which rate to whom, and who fulfils it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from relaypanel import money
from relaypanel.catalogue.folding import Folded
from relaypanel.contract import OrderType
from relaypanel.providers.models import Provider, UpstreamService


class Platform(models.Model):
    name = models.CharField(max_length=120, unique=True)
    # What searches look in.
    name_folded = Folded(of="name")
    position = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Category(models.Model):
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="categories")
    name = models.CharField(max_length=200)
    name_folded = Folded(of="name")
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
    PAUSED = "paused"  # closed by the mirror, which opens it again when it can be sold
    HIDDEN = "hidden"  # neither listed nor sold, and kept by staff to come back
    DISABLED = "disabled"  # closed: its provider is gone or staff ended it


class Service(models.Model):
    """A service for sale; its ID is the one that API clients know."""

    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="services")
    name = models.CharField(max_length=500)
    name_folded = Folded(of="name")
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
    # A refill opens by itself when the provider says that what it had delivered has dropped.
    auto_refill = models.BooleanField(default=False)
    cancel = models.BooleanField(default=False)
    dripfeed = models.BooleanField(default=False)
    # No second order for a link while one runs: the provider would count both as one.
    one_order_per_link = models.BooleanField(default=False)
    visibility = models.CharField(
        max_length=10, choices=Visibility.choices, default=Visibility.ENABLED
    )
    position = models.IntegerField(default=0)
    # What staff set by hand, which the mirror then leaves as it is; the name with the description.
    rate_locked = models.BooleanField(default=False)
    name_locked = models.BooleanField(default=False)

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


class Closed(models.TextChoices):
    """Why the mirror lets no order take a route."""

    VANISHED = "vanished"  # off the provider's list for too many syncs in a row
    QUARANTINED = "quarantined"  # what became of it waits for a person
    TOO_DEAR = "too_dear"  # above its ceiling, or the rate pays for a later route and not for it


class Route(models.Model):
    """A provider's service that fulfils ours, lowest position first.  Without any, staff do."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="routes")
    upstream = models.ForeignKey(UpstreamService, on_delete=models.PROTECT, related_name="routes")
    position = models.PositiveSmallIntegerField(default=0)
    # By staff; what the mirror thinks of it stands apart, so that neither undoes the other.
    enabled = models.BooleanField(default=True)
    cost_max_e8 = models.PositiveBigIntegerField(null=True)  # in our currency; NULL: no ceiling
    # Empty: open.
    closed_for = models.CharField(max_length=12, choices=Closed.choices, blank=True, default="")
    # Syncs in a row whose list did not hold it.
    missed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("position", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(closed_for__in=("", *Closed.values)), name="a_closed_route_says_why"
            ),
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


class ServiceSpeed(models.Model):
    """How long the latest orders of a service took.  Written by orders/speed.py alone."""

    service = models.OneToOneField(
        Service, on_delete=models.CASCADE, primary_key=True, related_name="speed"
    )
    # Of the middle one of the latest orders.
    seconds = models.PositiveIntegerField()
    quantity = models.BigIntegerField()
    orders = models.PositiveSmallIntegerField()
    # [[event ID, seconds, quantity], …], the latest last.
    latest = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.service_id}: {self.seconds} s"


class Favourite(models.Model):
    """A service that a user wants to find again at once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="favourites")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "service"), name="a_favourite_is_one_once"),
        )

    def __str__(self) -> str:
        return f"{self.user_id} likes {self.service_id}"


class Markup(models.Model):
    """What is added to what a service costs.  The one for the service itself wins, then the one
    for the provider's category, then the one for the provider.
    """

    provider = models.ForeignKey(
        Provider, on_delete=models.CASCADE, null=True, related_name="markups"
    )
    # In the provider's own words; empty: all its categories.
    category = models.CharField(max_length=200, blank=True, default="")
    service = models.OneToOneField(
        Service, on_delete=models.CASCADE, null=True, related_name="markup"
    )
    percent_e2 = models.PositiveIntegerField()
    # In the panel's currency, for as many pieces as the rate buys.
    fixed_e8 = models.BigIntegerField(default=0)
    # What the provider newly lists goes up for sale by itself.
    auto_import = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("provider", "category"), name="one_markup_per_provider_and_category"
            ),
            models.CheckConstraint(
                condition=Q(provider__isnull=False, service=None)
                | Q(provider=None, category="", auto_import=False, service__isnull=False),
                name="a_markup_is_for_a_provider_or_a_service",
            ),
            models.CheckConstraint(
                condition=Q(percent_e2__range=(0, 1_000_000), fixed_e8__range=(0, money.MAX_E8)),
                name="a_markup_takes_nothing_off",
            ),
        )

    def __str__(self) -> str:
        return f"{self.percent_e2 / 100:.2f} % + {money.text(self.fixed_e8)}"


class MirrorTerms(models.Model):
    """How a provider's price list is followed.  Locked by whatever changes the shop after it."""

    provider = models.OneToOneField(
        Provider, on_delete=models.CASCADE, primary_key=True, related_name="mirror_terms"
    )
    every_minutes = models.PositiveIntegerField(default=30)
    # A rate that moved further than this, up or down, waits for a person.
    spike_percent = models.PositiveIntegerField(default=30)
    # A service that this many lists in a row did not hold is closed.
    vanish_syncs = models.PositiveIntegerField(default=3)

    class Meta:
        verbose_name_plural = "mirror terms"
        constraints = (
            models.CheckConstraint(
                condition=Q(
                    every_minutes__range=(1, 10_080),
                    spike_percent__range=(1, 1_000),
                    vanish_syncs__range=(1, 100),
                ),
                name="mirror_terms_are_in_range",
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider_id} every {self.every_minutes} minutes"


class Outcome(models.TextChoices):
    APPLIED = "applied"  # the shop follows the list
    SHORT = "short"  # fewer than half of what was known: nothing was changed
    EMPTY = "empty"  # no service at all: nothing was changed


class Sync(models.Model):
    """A price list that changed the shop, or was refused.  One that changed nothing has no row."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="syncs")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    # How many services the list held, and how many the list before it.
    listed = models.PositiveIntegerField()
    known = models.PositiveIntegerField()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values), name="an_outcome_is_known"
            ),
        )

    def __str__(self) -> str:
        return f"sync {self.pk}: {self.outcome}"


class SyncChange(models.Model):
    """The columns of a service that one sync changed: {"rate_e8": 108000000}."""

    sync = models.ForeignKey(Sync, on_delete=models.CASCADE, related_name="changes")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="sync_changes")
    before = models.JSONField()
    after = models.JSONField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("sync", "service"), name="a_sync_changes_a_service_once"
            ),
        )

    def __str__(self) -> str:
        return f"sync {self.sync_id} of {self.service_id}"


class Cause(models.TextChoices):
    """Why a provider's change waits for a person."""

    SPIKE = "spike"  # the rate moved further than the terms allow
    TYPE = "type"  # another order type: our customers' fields would not fit
    REUSED = "reused"  # another name in another category: the ID sells something else by now
    BELOW_COST = "below_cost"  # our rate is fixed, and below what the service costs by now
    UNDONE = "undone"  # a person undid the sync that set the rate


class Quarantine(models.Model):
    """A route whose provider changed something that the shop does not follow by itself."""

    route = models.OneToOneField(Route, on_delete=models.CASCADE, related_name="quarantine")
    cause = models.CharField(max_length=10, choices=Cause.choices)
    since_at = models.DateTimeField()
    # The row of the price list, as the shop last followed it.
    accepted = models.JSONField()
    # The provider's rate that waits, in its currency.
    told_rate_e8 = models.BigIntegerField()
    # A person said no: it is off the list until the provider changes it again.
    rejected = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(cause__in=Cause.values), name="a_cause_is_known"),
        )

    def __str__(self) -> str:
        return f"quarantine {self.pk}: {self.cause}"


class News(models.TextChoices):
    NEW = "new"
    UP = "up"
    DOWN = "down"
    ON = "on"
    OFF = "off"


class ServiceUpdate(models.Model):
    """One line of the updates page: what customers see of a change, at rates without discount."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="updates")
    at = models.DateTimeField()
    kind = models.CharField(max_length=4, choices=News.choices)
    # NULL unless it went up or down.
    rate_before_e8 = models.BigIntegerField(null=True)
    rate_e8 = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=("service", "id"), name="update_list_of_a_service"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=News.values), name="a_kind_of_update_is_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.service_id} {self.kind} {money.text(self.rate_e8)}"


class EditionMark(models.Model):
    """What triggers leave at each change of what is sold; editions.py reads their sum.

    In PostgreSQL a change adds a row, so that it waits for no other change; SQLite has one row.
    """

    number = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.number)
