"""What the owner words: the texts of public pages, and announcements."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from relaypanel import money

LANGUAGES = tuple(code for code, _ in settings.LANGUAGES)


class TextPage(models.TextChoices):
    """A place on the pages for the owner's own words."""

    LANDING = "landing"  # the first thing that a visitor reads
    SERVICES = "services"  # above the price list
    FAQ = "faq"
    TERMS = "terms"


class Text(models.Model):
    """The owner's words for one place in one language, in Markdown.  Without a row: ours."""

    page = models.CharField(max_length=10, choices=TextPage.choices)
    language = models.CharField(max_length=2)
    body = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("page", "language"), name="a_page_has_one_text_per_language"
            ),
            models.CheckConstraint(
                condition=Q(page__in=TextPage.values), name="a_text_has_a_page_that_is_there"
            ),
            models.CheckConstraint(
                condition=Q(language__in=LANGUAGES), name="a_text_is_in_a_language_of_the_pages"
            ),
            models.CheckConstraint(condition=~Q(body=""), name="a_text_says_something"),
        )

    def __str__(self) -> str:
        return f"{self.page} ({self.language})"


class AnnouncementKind(models.TextChoices):
    NEWS = "news"
    OFFER = "offer"  # a price that is good for a while
    WARNING = "warning"  # something does not work as it should


class Announcement(models.Model):
    """What customers read on their dashboard, from a moment until another."""

    title = models.CharField(max_length=120)
    # In Markdown.
    body = models.TextField(blank=True, default="")
    kind = models.CharField(
        max_length=8, choices=AnnouncementKind.choices, default=AnnouncementKind.NEWS
    )
    # Empty: for readers of every language.
    language = models.CharField(max_length=2, blank=True, default="")
    from_at = models.DateTimeField()
    # NULL: until somebody takes it down.
    until_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("-from_at", "-id"), name="announcement_list"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=AnnouncementKind.values),
                name="a_kind_of_announcement_is_known",
            ),
            models.CheckConstraint(
                condition=Q(language__in=("", *LANGUAGES)),
                name="an_announcement_is_in_a_language_of_the_pages",
            ),
            models.CheckConstraint(
                condition=Q(until_at=None) | Q(until_at__gt=F("from_at")),
                name="an_announcement_ends_after_it_begins",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="an_announcement_has_a_title"),
        )

    def __str__(self) -> str:
        return self.title


class Profile(models.Model):
    """One row: what the owner sets of the whole panel."""

    # "": as PANEL_NAME says.
    name = models.CharField(max_length=40, blank=True, default="")
    # The colour of buttons and links, in degrees.
    hue = models.PositiveSmallIntegerField(default=275)
    # The owner's mark, drawn anew as WebP, and the name it is served under; "": there is none.
    logo = models.BinaryField(null=True)
    logo_name = models.CharField(max_length=16, blank=True, default="")
    # Codes of the languages that readers may choose, with commas between; "": all there are.
    languages = models.CharField(max_length=40, blank=True, default="")
    # In which one everybody begins; "": as the browser asks.
    default_language = models.CharField(max_length=2, blank=True, default="")
    sign_up_is_open = models.BooleanField(default=True)
    # Customers see `closed_words` in place of the shop; the API and staff go on.
    is_closed = models.BooleanField(default=False)
    closed_words = models.CharField(max_length=300, blank=True, default="")
    # What one person of the staff may give or take alone, in e8; above it a second one decides.
    adjust_alone_max_e8 = models.BigIntegerField(default=100 * money.ONE_E8)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(id=1), name="there_is_one_profile"),
            models.CheckConstraint(condition=Q(hue__range=(0, 359)), name="a_hue_is_an_angle"),
            models.CheckConstraint(
                condition=Q(adjust_alone_max_e8__range=(0, money.MAX_E8)),
                name="a_limit_of_one_person_is_not_negative",
            ),
        )

    def __str__(self) -> str:
        return self.name or "profile"
