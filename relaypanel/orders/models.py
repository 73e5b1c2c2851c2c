"""The order book.  `status` is written by states.py alone, money by place.py and refund.py."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Index, Q, UniqueConstraint

from relaypanel import money
from relaypanel.accounts.models import User
from relaypanel.catalogue.models import Service
from relaypanel.contract import OrderType, SubscriptionWord
from relaypanel.orders.heard import Exchange  # noqa: F401  Django finds it here
from relaypanel.providers.models import Provider, UpstreamService


class Status(models.TextChoices):
    """Where an order stands; docs/order-states.md draws the arrows."""

    QUEUED = "queued"  # paid; to be sent, or waiting for staff on a manual service
    SENDING = "sending"  # intent recorded; the call upstream may be under way
    UNCONFIRMED = "unconfirmed"  # may exist upstream; never sent again without proof
    HELD = "held"  # no route can take it; staff decide
    PENDING = "pending"  # upstream has it
    PROCESSING = "processing"  # upstream prepares it
    IN_PROGRESS = "in_progress"  # upstream delivers it
    COMPLETED = "completed"  # all delivered
    PARTIAL = "partial"  # some delivered, the rest refunded
    CANCELED = "canceled"  # nothing owed, everything refunded


# Upstream has these and may still change them: polling asks for them.
ACTIVE = (Status.PENDING, Status.PROCESSING, Status.IN_PROGRESS)
FINAL = (Status.COMPLETED, Status.PARTIAL, Status.CANCELED)
# Upstream never answered with an ID for these, or was never asked.
WITHOUT_UPSTREAM_ID = (Status.QUEUED, Status.SENDING, Status.UNCONFIRMED, Status.HELD)
_SUBSCRIBED = Q(type=OrderType.SUBSCRIPTIONS.value, parent=None)


class Order(models.Model):
    # No index of its own, here and below: another one begins with it.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="orders", db_index=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="orders")
    # -- as ordered: a later change of the service changes none of it --
    type = models.CharField(max_length=40, choices=[(t.value, t.value) for t in OrderType])
    link = models.CharField(max_length=2048, blank=True, default="")
    # Pieces to deliver; of a drip-feed, pieces in one run.
    quantity = models.BigIntegerField()
    # The type's other fields, by their wire names, as text: {"comments": "a\nb"}.
    fields = models.JSONField(default=dict)
    rate_e8 = models.BigIntegerField()
    rate_per = models.PositiveSmallIntegerField()
    charge_e8 = models.BigIntegerField()
    refunded_e8 = models.BigIntegerField(default=0)
    # The caller's own name for this order; the same name never buys twice.
    client_ref = models.CharField(max_length=100, null=True)
    content_hash = models.BinaryField(max_length=32, null=True)
    placed_at = models.DateTimeField()

    # -- progress --
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    start_count = models.BigIntegerField(null=True)
    remains = models.BigIntegerField()
    ended_at = models.DateTimeField(null=True)

    # -- upstream --
    provider = models.ForeignKey(Provider, models.PROTECT, null=True, related_name="orders")
    upstream_service = models.ForeignKey(UpstreamService, on_delete=models.PROTECT, null=True)
    upstream_id = models.CharField(max_length=40, null=True)
    # What its route was to take when it was ordered, in the panel's currency; of a drip-feed, for
    # one run.  NULL: nobody could tell.
    cost_expected_e8 = models.BigIntegerField(null=True)
    # What the provider says it took, in its currency.  Never touches the customer.
    cost_e8 = models.BigIntegerField(null=True)
    # Not sent before this moment.
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    # Upstream has an order for this link, whose end it waits for.
    waits_for_link = models.BooleanField(default=False)
    # Grows with every intent to send; an answer counts only under the token it was asked with.
    token = models.PositiveIntegerField(default=0)
    # Past this moment nobody can still be sending it.
    sending_until = models.DateTimeField(null=True)
    # Sent once without a clear answer, and now asked for again under the same client_ref.
    may_be_upstream = models.BooleanField(default=False)

    # -- a drip-feed's run, or a subscription's post: which one of its parent --
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="children", db_index=False
    )
    run = models.PositiveIntegerField(null=True)

    class Meta:
        indexes = (
            # The desk's: where a day begins, and what a customer pastes into a question to staff.
            Index(fields=("placed_at", "id"), name="order_list_of_a_day"),
            Index(fields=("link",), name="order_of_a_link"),
            # A customer's list, which answers a search by service or link out of the index.
            Index(fields=("user", "placed_at", "id", "service", "link"), name="order_list"),
            Index(fields=("user", "status", "placed_at", "id"), name="order_tab"),
            Index(fields=("user", "id"), condition=_SUBSCRIBED, name="subscription_list"),
            Index(
                fields=("provider", "due_at", "id"),
                condition=Q(status=Status.QUEUED),
                name="order_to_send",
            ),
            Index(
                fields=("provider", "sending_until"),
                condition=Q(status=Status.SENDING),
                name="order_left_sending",
            ),
            Index(fields=("provider", "id"), condition=Q(status__in=ACTIVE), name="order_to_poll"),
            # Those that ended lately are asked about again: a panel may correct itself.
            Index(
                fields=("provider", "ended_at", "id"),
                condition=Q(status__in=FINAL, upstream_id__isnull=False),
                name="order_to_poll_after_its_end",
            ),
            Index(
                fields=("upstream_service", "link", "id"),
                condition=Q(status=Status.QUEUED, waits_for_link=True),
                name="order_link_queue",
            ),
            Index(
                fields=("provider", "status", "id"),
                condition=Q(status__in=(Status.UNCONFIRMED, Status.HELD)),
                name="order_for_staff",
            ),
            Index(
                fields=("service", "link"),
                condition=~Q(status__in=FINAL),
                name="order_running_for_link",
            ),
        )
        constraints = (
            CheckConstraint(condition=Q(status__in=Status.values), name="status_is_known"),
            CheckConstraint(
                condition=Q(charge_e8__range=(0, money.MAX_E8)), name="a_charge_is_not_negative"
            ),
            CheckConstraint(
                condition=Q(refunded_e8__gte=0, refunded_e8__lte=F("charge_e8")),
                name="refunded_at_most_the_charge",
            ),
            CheckConstraint(condition=Q(quantity__gte=1), name="quantity_is_positive"),
            CheckConstraint(condition=Q(remains__gte=0), name="remains_is_not_negative"),
            CheckConstraint(
                condition=~Q(status__in=WITHOUT_UPSTREAM_ID, upstream_id__isnull=False),
                name="no_upstream_id_before_upstream_has_it",
            ),
            CheckConstraint(
                condition=~Q(status__in=ACTIVE, provider__isnull=False, upstream_id=None),
                name="what_a_provider_works_on_has_its_id",
            ),
            CheckConstraint(
                condition=Q(status__in=FINAL, ended_at__isnull=False)
                | (~Q(status__in=FINAL) & Q(ended_at=None)),
                name="an_end_has_its_moment",
            ),
            UniqueConstraint(
                fields=("provider", "upstream_id"),
                condition=Q(upstream_id__isnull=False),
                name="an_upstream_order_is_ours_once",
            ),
            UniqueConstraint(
                fields=("user", "client_ref"),
                condition=Q(client_ref__isnull=False),
                name="a_client_ref_buys_once",
            ),
            UniqueConstraint(
                fields=("parent", "run"),
                condition=Q(parent__isnull=False),
                name="a_run_happens_once",
            ),
            CheckConstraint(
                condition=Q(parent=None, run=None) | Q(parent__isnull=False, run__gte=1),
                name="a_run_has_a_parent",
            ),
        )

    def __str__(self) -> str:
        return f"order {self.pk}"


class OrderEvent(models.Model):
    """What happened to an order, oldest first: the timeline that people read."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    # Both empty: something worth knowing happened, and the status stayed.
    from_status = models.CharField(max_length=12, blank=True, default="")
    to_status = models.CharField(max_length=12, blank=True, default="")
    # A stable code: "placed", "accepted", "refused_upstream", …
    reason = models.CharField(max_length=40)
    # For staff: what the provider said, secrets masked.  Never shown to a customer.
    detail = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        indexes = (
            Index(fields=("order", "id"), name="event_timeline"),
            # The neighbours in time of an order that nobody answered for.
            Index(fields=("at",), condition=Q(to_status=Status.SENDING), name="event_of_a_sending"),
            Index(
                fields=("at",),
                condition=Q(from_status=Status.UNCONFIRMED),
                name="event_after_unconfirmed",
            ),
        )

    def __str__(self) -> str:
        return f"order {self.order_id}: {self.reason}"


class FeedState(models.TextChoices):
    GOING = "going"  # runs are to come
    PAUSED = "paused"  # runs are to come, once it is resumed
    MADE = "made"  # no run is to come; those that were made go on
    ENDED = "ended"  # its order has ended


class DripFeed(models.Model):
    """The timetable of a drip-feed.  Each run is a child order, made when its time comes."""

    order = models.OneToOneField(Order, models.CASCADE, primary_key=True, related_name="drip_feed")
    user = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False)
    runs = models.PositiveIntegerField()
    interval_minutes = models.PositiveIntegerField()
    next_run = models.PositiveIntegerField(default=1)
    # NULL: no run is to come, or the last one still waits with us and the interval starts later.
    next_run_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=6, choices=FeedState.choices, default=FeedState.GOING)

    class Meta:
        indexes = (
            # Finds the runs that are due, the intervals to start and the feeds to end.
            Index(
                fields=("state", "next_run_at"),
                condition=~Q(state=FeedState.ENDED),
                name="drip_feed_to_look_at",
            ),
            Index(fields=("user", "order"), name="drip_feed_list"),
        )
        constraints = (
            CheckConstraint(
                condition=Q(runs__gte=1, interval_minutes__gte=1, next_run__gte=1),
                name="a_drip_feed_has_runs",
            ),
            CheckConstraint(
                condition=Q(state__in=FeedState.values), name="a_drip_feed_state_is_known"
            ),
            CheckConstraint(
                condition=Q(state__in=(FeedState.GOING, FeedState.PAUSED)) | Q(next_run_at=None),
                name="a_run_to_come_has_a_drip_feed_that_goes_on",
            ),
        )

    def __str__(self) -> str:
        return f"{self.order_id}: run {self.next_run} of {self.runs}"


class Timekeeper(models.Model):
    """One row: until when somebody watched the timetables.  See schedules.py."""

    watched_at = models.DateTimeField()

    class Meta:
        constraints = (CheckConstraint(condition=Q(id=1), name="there_is_one_timekeeper"),)

    def __str__(self) -> str:
        return f"watched until {self.watched_at:%Y-%m-%d %H:%M:%S}"


class PausedFor(models.TextChoices):
    NO_FUNDS = "no_funds"  # its customer's balance does not cover the next post
    UPSTREAM = "upstream"  # its provider says so


class Subscription(models.Model):
    """What is known of a subscription beside its order, once its provider has told something."""

    order = models.OneToOneField(
        Order, models.CASCADE, primary_key=True, related_name="subscription"
    )
    # As its provider tells it; empty: not in the words of a subscription.
    word = models.CharField(
        max_length=10, choices=[(w.value, w.value) for w in SubscriptionWord], blank=True
    )
    # Empty: it goes on.
    paused_for = models.CharField(max_length=10, choices=PausedFor.choices, blank=True)
    # Served by the provider, and to be charged when there is money again.
    posts_waiting = models.PositiveIntegerField(default=0)
    # How many pieces they have, by upstream ID, as they were when they were first seen.
    waiting_sizes = models.JSONField(default=dict)
    # Served beyond the number that was ordered; nobody is charged for these.
    posts_beyond = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            CheckConstraint(
                condition=Q(word__in=("", *(w.value for w in SubscriptionWord))),
                name="a_subscription_word_is_known",
            ),
            CheckConstraint(
                condition=Q(paused_for=PausedFor.NO_FUNDS, posts_waiting__gte=1)
                | Q(paused_for__in=("", PausedFor.UPSTREAM), posts_waiting=0),
                name="a_post_waits_for_money_alone",
            ),
        )

    def __str__(self) -> str:
        return f"subscription {self.order_id}: {self.word}"


class CancelState(models.TextChoices):
    ASKED = "asked"  # to be forwarded, or waiting for staff on a manual service
    FORWARDED = "forwarded"  # upstream took it; the order's status tells the outcome
    REFUSED = "refused"  # upstream would not, or the order ended otherwise
    DONE = "done"  # the order is canceled or partial


class CancelRequest(models.Model):
    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="cancel_request")
    state = models.CharField(max_length=10, choices=CancelState.choices, default=CancelState.ASKED)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = (
            Index(
                fields=("due_at",), condition=Q(state=CancelState.ASKED), name="cancel_to_forward"
            ),
        )

    def __str__(self) -> str:
        return f"cancel {self.order_id}: {self.state}"


class RefillState(models.TextChoices):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    REJECTED = "rejected"


OPEN_REFILL = (RefillState.PENDING, RefillState.IN_PROGRESS)


class Refill(models.Model):
    """A refill a customer asked for; its ID is the one that API clients know."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refills")
    user = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False)
    state = models.CharField(
        max_length=12, choices=RefillState.choices, default=RefillState.PENDING
    )
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # NULL until the provider took it.
    upstream_id = models.CharField(max_length=40, null=True)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = (
            Index(fields=("due_at",), condition=Q(state__in=OPEN_REFILL), name="refill_to_follow"),
            Index(fields=("user", "id"), name="refill_list"),
        )
        constraints = (
            UniqueConstraint(
                fields=("order",),
                condition=Q(state__in=OPEN_REFILL),
                name="one_open_refill_per_order",
            ),
            CheckConstraint(
                condition=Q(state__in=OPEN_REFILL, ended_at=None)
                | Q(
                    state__in=(RefillState.COMPLETED, RefillState.REJECTED), ended_at__isnull=False
                ),
                name="a_refill_ends_with_its_moment",
            ),
        )

    def __str__(self) -> str:
        return f"refill {self.pk} of {self.order_id}"


class RefillWatch(models.Model):
    """An order whose refills open by themselves: when it is counted again.  See recount.py."""

    order = models.OneToOneField(
        Order, models.CASCADE, primary_key=True, related_name="refill_watch"
    )
    due_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "refill watches"
        indexes = (Index(fields=("due_at",), name="order_to_count_again"),)

    def __str__(self) -> str:
        return f"order {self.order_id}"
