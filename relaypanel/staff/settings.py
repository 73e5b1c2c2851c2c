"""Settings: the panel's name and colour, who may come in, limits, and the owner's words."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST

from relaypanel import clock, errors, money
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest
from relaypanel.storefront import announcements, editing, profile, texts
from relaypanel.storefront.models import AnnouncementKind, TextPage

PAGES: Final = {
    "landing": gettext_lazy("First page"),
    "services": gettext_lazy("Above the price list"),
    "faq": gettext_lazy("Questions"),
    "terms": gettext_lazy("Terms"),
}
KINDS: Final = {
    "news": pgettext_lazy("announcement", "News"),
    "offer": pgettext_lazy("announcement", "Offer"),
    "warning": pgettext_lazy("announcement", "Warning"),
}


class ProfileForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name of the panel"),
        required=False,
        max_length=profile.NAME_CHARACTERS_MAX,
        help_text=gettext_lazy("Empty: as PANEL_NAME says."),
    )
    hue = forms.IntegerField(
        label=gettext_lazy("Colour"),
        min_value=0,
        max_value=profile.HUE_MAX,
        widget=forms.NumberInput(attrs={"type": "range", "class": "hue"}),
        help_text=gettext_lazy("Of buttons and links, light and dark alike."),
    )
    sign_up_is_open = forms.BooleanField(label=gettext_lazy("Anybody may sign up"), required=False)
    is_closed = forms.BooleanField(
        label=gettext_lazy("The shop is closed for maintenance"),
        required=False,
        help_text=gettext_lazy("Customers read the words below. The API and staff go on."),
    )
    closed_words = forms.CharField(
        label=gettext_lazy("What customers read then"),
        required=False,
        max_length=profile.WORDS_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    adjust_alone_max = forms.CharField(
        label=gettext_lazy("What one person may give or take alone"),
        max_length=21,
        help_text=gettext_lazy("Above it a second person decides."),
    )

    def clean_adjust_alone_max(self) -> int:
        try:
            return money.parse(self.cleaned_data["adjust_alone_max"].strip())
        except ValueError:
            words = _("An amount is a number with at most eight decimals, like 12.5.")
            raise forms.ValidationError(words) from None


class AnnouncementForm(forms.Form):
    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=announcements.TITLE_CHARACTERS_MAX
    )
    body = forms.CharField(
        label=gettext_lazy("Words, in Markdown"),
        required=False,
        max_length=announcements.BODY_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=list(KINDS.items()))
    language = forms.ChoiceField(
        label=gettext_lazy("For readers of"),
        required=False,
        choices=[("", gettext_lazy("every language")), *settings.LANGUAGES],
    )


def page(request: DeskRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, initial=_initial())
    if request.method == "POST" and form.is_valid():
        told = dict(form.cleaned_data)
        told["adjust_alone_max_e8"] = told.pop("adjust_alone_max")
        profile.save(wanted=profile.Settings(**told), by=request.actor, now=clock.now())
        messages.success(request, _("The settings are kept."))
        return redirect("staff:settings")
    context = {"form": form, "currency": settings.CURRENCY, "languages": settings.LANGUAGES}
    return render(request, "staff/settings/page.html", context)


def words(request: DeskRequest) -> HttpResponse:
    """Show and keep the owner's texts: one form for each page and language."""
    if request.method == "POST":
        try:
            editing.write(
                page=request.POST.get("page", ""),
                language=request.POST.get("language", ""),
                body=request.POST.get("body", ""),
                by=request.actor,
                now=clock.now(),
            )
        except errors.Refused as refused:
            messages.error(request, refusals.words(refused))
        else:
            messages.success(request, _("The words are kept."))
        return redirect("staff:words")
    written = {key: texts.written(page=TextPage(key)) for key in PAGES}
    rows = [
        (key, shown, code, language, written[key].get(code, ""))
        for key, shown in PAGES.items()
        for code, language in settings.LANGUAGES
    ]
    return render(request, "staff/settings/words.html", {"rows": rows})


def news(request: DeskRequest) -> HttpResponse:
    form = AnnouncementForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told: dict[str, Any] = form.cleaned_data
        editing.announce(
            title=told["title"],
            body=told["body"],
            kind=AnnouncementKind(told["kind"]),
            language=told["language"],
            from_at=clock.now(),
            by=request.actor,
            now=clock.now(),
        )
        messages.success(request, _("Customers read it from now on."))
        return redirect("staff:news")
    before = request.GET.get("before", "")
    known = before.isascii() and before.isdigit() and len(before) < 19
    found = announcements.page(before=int(before) if known else None)
    context = {
        "form": form,
        "rows": [(one, KINDS[one.kind]) for one in found.announcements],
        "next_page": f"?before={found.before}" if found.before else "",
    }
    return render(request, "staff/settings/news.html", context)


@require_POST
def take_down(request: DeskRequest, announcement_id: int) -> HttpResponse:
    try:
        editing.take_down(announcement_id=announcement_id, by=request.actor, now=clock.now())
    except announcements.NoSuchAnnouncement:
        raise Http404 from None
    messages.success(request, _("It is taken down."))
    return redirect("staff:news")


def _initial() -> dict[str, object]:
    current = profile.current()
    return {
        "name": current.name,
        "hue": current.hue,
        "sign_up_is_open": current.sign_up_is_open,
        "is_closed": current.is_closed,
        "closed_words": current.closed_words,
        "adjust_alone_max": money.text(current.adjust_alone_max_e8),
    }
