"""The ledger: accounts and the movements between them.  Only book.py writes here.

A movement is one row with a debit and a credit side, so that the whole always sums to
zero.  Customer accounts carry their balance, which the database keeps from going below
zero; house accounts are the sums of their rows and are never a row that everybody locks.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from relaypanel import money


class Code(models.TextChoices):
    """Why money moved.  The arrow goes from the debited to the credited account."""

    ORDER_CHARGE = "order_charge"  # customer → sales
    ORDER_REFUND = "order_refund"  # sales → customer
    DEPOSIT = "deposit"  # cash → customer
    WITHDRAWAL = "withdrawal"  # customer → cash
    ADJUSTMENT = "adjustment"  # adjustments → customer, or back; by staff, with a reason
    BONUS = "bonus"  # promotions → customer, beside a deposit
    AFFILIATE = "affiliate"  # promotions → customer, for whom they brought


class Account(models.Model):
    # A customer's account has the number of its user; house accounts are negative: see chart.py.
    id = models.BigIntegerField(primary_key=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="account"
    )
    balance_e8 = models.BigIntegerField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(id__lt=0, user=None, balance_e8=None)
                | Q(id__gt=0, user=F("id"), balance_e8__isnull=False),
                name="customers_carry_a_balance_and_houses_do_not",
            ),
            models.CheckConstraint(
                condition=Q(balance_e8=None) | Q(balance_e8__range=(0, money.MAX_E8)),
                name="no_overdraft",
            ),
        )

    def __str__(self) -> str:
        return f"account {self.pk}"


class Transfer(models.Model):
    """One movement.  A trigger refuses to change or remove it, on both databases."""

    # What happened, said once: "order:812:charge".  The same key cannot move money twice.
    key = models.CharField(max_length=120, unique=True)
    # No index of their own: those below serve a customer's statement and the audit.
    debit = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="debits", db_index=False
    )
    credit = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="credits", db_index=False
    )
    amount_e8 = models.BigIntegerField()
    # What the customer on that side held afterwards; NULL for a house, and in rows older than this.
    debit_left_e8 = models.BigIntegerField(null=True)
    credit_left_e8 = models.BigIntegerField(null=True)
    code = models.CharField(max_length=20, choices=Code.choices)
    reason = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=("debit", "id"), name="transfer_taken"),
            models.Index(fields=("credit", "id"), name="transfer_given"),
            # What a customer was charged from day to day, without a look at the rows.
            models.Index(
                fields=("debit", "code", "created_at", "amount_e8"),
                condition=Q(debit__gt=0),
                name="transfer_spent",
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(amount_e8__range=(1, money.MAX_E8)), name="a_transfer_moves_something"
            ),
            models.CheckConstraint(
                condition=~Q(debit=F("credit")), name="a_transfer_has_two_sides"
            ),
        )

    def __str__(self) -> str:
        return self.key

    @property
    def customer_id(self) -> int:
        """The user on one side: every movement has one, and a house on the other."""
        return max(self.debit_id, self.credit_id)

    @property
    def change_e8(self) -> int:
        """By how much the customer's balance changed."""
        return -self.amount_e8 if self.debit_id > 0 else self.amount_e8

    @property
    def left_e8(self) -> int | None:
        """What the customer held afterwards."""
        return self.debit_left_e8 if self.debit_id > 0 else self.credit_left_e8

    @property
    def order_id(self) -> int | None:
        """The order that was charged or refunded."""
        return self._number("order")

    @property
    def topup_id(self) -> int | None:
        return self._number("topup")

    def _number(self, subject: str) -> int | None:
        kind, _, rest = self.key.partition(":")
        number = rest.partition(":")[0]
        return int(number) if kind == subject and number.isdecimal() else None


class AdjustmentState(models.TextChoices):
    WAITING = "waiting"  # above the limit of one person: somebody else decides
    DONE = "done"  # the money has moved
    REJECTED = "rejected"


class Adjustment(models.Model):
    """Money that staff give or take by hand, and who stands for it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="adjustments"
    )
    # Below zero: taken from the user.
    amount_e8 = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=AdjustmentState.choices)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    # The second person; NULL: nobody had to, or nobody has yet.
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("id",),
                condition=Q(state=AdjustmentState.WAITING),
                name="adjustment_to_decide",
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=~Q(amount_e8=0) & Q(amount_e8__range=(-money.MAX_E8, money.MAX_E8)),
                name="an_adjustment_moves_something",
            ),
            models.CheckConstraint(
                condition=Q(state__in=AdjustmentState.values),
                name="an_adjustment_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("asked_by")),
                name="a_second_person_is_another_one",
            ),
            models.CheckConstraint(
                condition=~Q(state=AdjustmentState.REJECTED) | Q(decided_by__isnull=False),
                name="a_rejection_has_its_person",
            ),
        )

    def __str__(self) -> str:
        return f"adjustment {self.pk} of {self.user_id}"
