"""Money that comes in, and what is paid for bringing customers.

Only topup.py writes a top-up's state, only affiliates.py what affiliates earn.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from relaypanel import money

# Hundredths of a percent.
WHOLE_BP = 10_000


class Currency(models.Model):
    """A currency beside the panel's own: to pay in, or to show amounts in."""

    code = models.CharField(max_length=3, primary_key=True)
    # How much of it one of the panel's is worth, as its owner says; nothing is fetched.
    per_unit_e8 = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "currencies"
        constraints = (
            models.CheckConstraint(
                condition=Q(per_unit_e8__range=(1, money.MAX_E8)), name="a_rate_is_positive"
            ),
        )

    def __str__(self) -> str:
        return self.code


class PaymentMethod(models.Model):
    """A way to add money, in its owner's words."""

    name = models.CharField(max_length=80)
    # What to do, as plain text; the reference, the amount and the QR code stand beside it.
    instructions = models.TextField(blank=True, default="")
    # NULL: the panel's own.
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, null=True)
    min_e8 = models.BigIntegerField()
    max_e8 = models.BigIntegerField()
    bonus_bp = models.PositiveIntegerField(default=0)
    is_on = models.BooleanField(default=True)
    position = models.IntegerField(default=0)
    # -- a Vietnamese bank account, for a VietQR code; all three or none --
    bank_bin = models.CharField(max_length=6, blank=True, default="")
    bank_account = models.CharField(max_length=19, blank=True, default="")
    bank_holder = models.CharField(max_length=80, blank=True, default="")
    # -- who may confirm by webhook: a name in gateways/table.py; empty: staff alone --
    gateway = models.CharField(max_length=30, blank=True, default="")
    secret_sealed = models.TextField(blank=True, default="")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(min_e8__gte=1, min_e8__lte=F("max_e8"), max_e8__lte=money.MAX_E8),
                name="bounds_of_a_method_hold_an_amount",
            ),
            models.CheckConstraint(
                condition=Q(bonus_bp__lte=WHOLE_BP), name="a_bonus_is_at_most_the_amount"
            ),
            models.CheckConstraint(
                condition=Q(bank_bin="", bank_account="") | (~Q(bank_bin="") & ~Q(bank_account="")),
                name="a_bank_account_has_a_bank",
            ),
        )

    def __str__(self) -> str:
        return self.name


class State(models.TextChoices):
    REQUESTED = "requested"  # asked for; the money is to come
    PAID = "paid"  # the customer says that it was sent
    CONFIRMED = "confirmed"  # it is on the balance
    REJECTED = "rejected"  # staff saw no money
    CANCELED = "canceled"  # the customer thought better of it
    EXPIRED = "expired"  # nobody said anything for days


OPEN = (State.REQUESTED, State.PAID)


class TopUp(models.Model):
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="topups"
    )
    method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT, related_name="topups")
    # What the customer writes on the transfer, so that it is found.
    reference = models.CharField(max_length=12, unique=True)
    # -- as requested: a later change of the method changes none of it --
    amount_e8 = models.BigIntegerField()
    bonus_e8 = models.BigIntegerField(default=0)
    # What is to be sent, in the method's currency.
    owed_e8 = models.BigIntegerField()
    owed_currency = models.CharField(max_length=3)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # -- how it stands --
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    paid_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Who confirmed or rejected it: a member of staff, or the method's gateway.
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    by_gateway = models.BooleanField(default=False)
    # Words of staff for the customer, when it was rejected.
    reason = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        indexes = (
            models.Index(fields=("user", "id"), name="topup_list_of_a_user"),
            models.Index(fields=("state", "id"), name="topup_queue_of_a_state"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="a_topup_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(amount_e8__range=(1, money.MAX_E8), owed_e8__gte=1)
                & Q(bonus_e8__gte=0, bonus_e8__lte=F("amount_e8")),
                name="a_topup_brings_something",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN, ended_at=None)
                | (~Q(state__in=OPEN) & Q(ended_at__isnull=False)),
                name="a_topup_ends_at_some_moment",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.CONFIRMED)
                | Q(decided_by__isnull=False, by_gateway=False)
                | Q(decided_by=None, by_gateway=True),
                name="somebody_confirmed_it",
            ),
        )

    def __str__(self) -> str:
        return self.reference


class GatewayEvent(models.Model):
    """What a gateway said, once: a payment that it tells again is the same event."""

    method = models.ForeignKey(PaymentMethod, on_delete=models.PROTECT, related_name="events")
    event_id = models.CharField(max_length=200)
    topup = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("method", "event_id"), name="a_gateway_says_a_thing_once"
            ),
        )

    def __str__(self) -> str:
        return self.event_id


class Basis(models.TextChoices):
    DEPOSITS = "deposits"
    SPENDING = "spending"


class AffiliateTerms(models.Model):
    """One row: what whoever brings a customer gets."""

    is_on = models.BooleanField(default=False)
    basis = models.CharField(max_length=8, choices=Basis.choices, default=Basis.DEPOSITS)
    share_bp = models.PositiveIntegerField(default=500)

    class Meta:
        verbose_name_plural = "affiliate terms"
        constraints = (
            models.CheckConstraint(condition=Q(id=1), name="there_is_one_set_of_terms"),
            models.CheckConstraint(
                condition=Q(share_bp__lte=WHOLE_BP), name="a_share_is_at_most_the_whole"
            ),
        )

    def __str__(self) -> str:
        return f"{self.share_bp} bp of {self.basis}"


class Affiliate(models.Model):
    """A customer with a link to bring others by."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    code = models.CharField(max_length=12, unique=True)
    visits = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.code


class Referral(models.Model):
    """Who brought whom, from sign-up on."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    affiliate = models.ForeignKey(Affiliate, on_delete=models.CASCADE, related_name="referrals")
    at = models.DateTimeField()
    # The spending that a share was paid of, all in all.
    shared_e8 = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~Q(user=F("affiliate")), name="nobody_brings_themselves"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} by {self.affiliate_id}"


class Earning(models.Model):
    """A share that was paid, and what of.  Its key is that of its movement in the ledger."""

    referral = models.ForeignKey(Referral, on_delete=models.PROTECT, related_name="earnings")
    key = models.CharField(max_length=120, unique=True)
    base_e8 = models.BigIntegerField()
    share_bp = models.PositiveIntegerField()
    amount_e8 = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(amount_e8__gte=1, amount_e8__lte=F("base_e8")),
                name="a_share_is_a_part_of_its_base",
            ),
        )

    def __str__(self) -> str:
        return self.key


class LowBalanceWatch(models.Model):
    """Below which balance a customer wants to be told."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    threshold_e8 = models.BigIntegerField()
    # Told since the balance was last at the threshold or above.
    is_told = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "low balance watches"
        constraints = (
            models.CheckConstraint(
                condition=Q(threshold_e8__range=(1, money.MAX_E8)), name="a_threshold_is_positive"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} below {money.text(self.threshold_e8)}"
