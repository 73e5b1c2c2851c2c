"""What customers ask and staff answer.  `state` and the counts are written by thread.py alone."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from relaypanel.orders.models import Order

SUBJECT_CHARACTERS_MAX = 120


class State(models.TextChoices):
    OPEN = "open"  # the customer wrote last: staff are to answer
    ANSWERED = "answered"  # staff wrote last
    CLOSED = "closed"  # done, until the customer writes again


class Kind(models.TextChoices):
    """Who a message is from; a customer sees all but the notes."""

    CUSTOMER = "customer"
    STAFF = "staff"
    NOTE = "note"  # among staff
    CLOSED = "closed"  # no words: the author closed the ticket here


class Ticket(models.Model):
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tickets"
    )
    subject = models.CharField(max_length=SUBJECT_CHARACTERS_MAX)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    # Who of the staff looks after it.
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="assigned_tickets",
    )
    orders = models.ManyToManyField(Order, related_name="tickets")
    opened_at = models.DateTimeField()
    # When something was last written that both sides see, or the state changed.
    changed_at = models.DateTimeField()
    # Messages of the other side since this side last looked.
    unread_by_user = models.PositiveIntegerField(default=0)
    unread_by_staff = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = (
            models.Index(fields=("user", "-changed_at", "-id"), name="ticket_list_of_a_user"),
            models.Index(fields=("-changed_at", "-id"), name="ticket_list_of_the_desk"),
            models.Index(fields=("state", "-changed_at", "-id"), name="ticket_queue_of_the_desk"),
            models.Index(
                fields=("user",), condition=Q(unread_by_user__gt=0), name="ticket_unread_by_user"
            ),
            models.Index(
                fields=("id",), condition=Q(unread_by_staff__gt=0), name="ticket_unread_by_staff"
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="ticket_state_is_known"
            ),
            models.CheckConstraint(condition=~Q(subject=""), name="a_ticket_has_a_subject"),
        )

    def __str__(self) -> str:
        return f"ticket {self.pk}"


class Message(models.Model):
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    text = models.TextField(blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=("ticket", "id"), name="message_thread"),
            models.Index(
                fields=("author", "at"),
                condition=Q(kind=Kind.CUSTOMER),
                name="message_flood_of_a_user",
            ),
        )
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="message_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind=Kind.CLOSED, text="") | (~Q(kind=Kind.CLOSED) & ~Q(text="")),
                name="a_message_says_something",
            ),
        )

    def __str__(self) -> str:
        return f"message {self.pk}"


class Picture(models.Model):
    """A picture as we drew it anew; nothing of the uploaded file is kept."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="pictures")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    webp = models.BinaryField()

    def __str__(self) -> str:
        return f"picture {self.pk}"


class Template(models.Model):
    """An answer that staff give often."""

    title = models.CharField(max_length=80, unique=True)
    text = models.TextField()

    def __str__(self) -> str:
        return self.title
