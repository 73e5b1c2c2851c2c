"""Settings: the panel's name, looks and languages, who may come in, limits, the owner's words."""

from __future__ import annotations

from dataclasses import replace
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
from relaypanel.accounts.models import Section
from relaypanel.look.keyset import before_id
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest
from relaypanel.storefront import announcements, editing, profile, texts
from relaypanel.storefront.models import AnnouncementKind, TextPage
from relaypanel.tickets import pictures

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
    languages = forms.MultipleChoiceField(
        label=gettext_lazy("Languages that readers may choose"),
        choices=settings.LANGUAGES,
        widget=forms.CheckboxSelectMultiple,
    )
    default_language = forms.ChoiceField(
        label=gettext_lazy("Everybody begins in"),
        required=False,
        choices=[("", gettext_lazy("what the browser asks for")), *settings.LANGUAGES],
        help_text=gettext_lazy("Until they choose another one."),
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

    def __init__(self, *arguments: Any, shows_money: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not shows_money:
            del self.fields["adjust_alone_max"]

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        begin = told.get("default_language", "")
        if begin and begin not in told.get("languages", [begin]):
            self.add_error("default_language", _("This language is not ticked above."))
        return told

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
    may = request.rights.may_edit if request.method == "POST" else request.rights.may_view
    form = ProfileForm(request.POST or None, initial=_initial(), shows_money=may(Section.MONEY))
    if request.method == "POST" and form.is_valid():
        told = dict(form.cleaned_data)
        if "adjust_alone_max" in told:
            told["adjust_alone_max_e8"] = told.pop("adjust_alone_max")
        told["languages"] = ",".join(told["languages"])
        wanted = replace(profile.current(), **told)
        profile.save(wanted=wanted, by=request.actor, now=clock.now())
        messages.success(request, _("The settings are kept."))
        return redirect("staff:settings")
    context = {"form": form, "currency": settings.CURRENCY}
    return render(request, "staff/settings/page.html", context)


@require_POST
def logo(request: DeskRequest) -> HttpResponse:
    """Show the uploaded picture beside the name; without one, the panel's own mark again."""
    upload = request.FILES.get("logo")
    try:
        webp = None
        if upload is not None:
            webp = pictures.draw(upload.read(), side_max=profile.LOGO_SIDE_MAX).webp
        profile.set_logo(webp=webp, by=request.actor, now=clock.now())
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        messages.success(request, _("The logo is kept."))
    return redirect("staff:settings")


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
    found = announcements.page(before=before_id(request))
    context = {
        "form": form,
        "rows": [(one, KINDS[one.kind]) for one in found.announcements],
        "next_page": f"?before={found.before}" if found.before else "",
    }
    return render(request, "staff/settings/news.html", context)


def change_news(request: DeskRequest, announcement_id: int) -> HttpResponse:
    try:
        one = announcements.one(announcement_id)
    except announcements.NoSuchAnnouncement:
        raise Http404 from None
    initial = {name: getattr(one, name) for name in AnnouncementForm.base_fields}
    form = AnnouncementForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        editing.change(
            announcement_id=one.pk,
            title=told["title"],
            body=told["body"],
            kind=AnnouncementKind(told["kind"]),
            language=told["language"],
            by=request.actor,
            now=clock.now(),
        )
        messages.success(request, _("Customers read the new words."))
        return redirect("staff:news")
    return render(request, "staff/settings/news_change.html", {"form": form, "one": one})


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
        "languages": list(current.offered),
        "default_language": current.default_language,
        "sign_up_is_open": current.sign_up_is_open,
        "is_closed": current.is_closed,
        "closed_words": current.closed_words,
        "adjust_alone_max": money.text(current.adjust_alone_max_e8),
    }
