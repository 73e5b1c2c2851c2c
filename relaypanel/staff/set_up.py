"""The guide of a new panel: what to do first, with the way to each page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from relaypanel.providers.models import Provider
from relaypanel.reports import set_up
from relaypanel.reports.set_up import Step
from relaypanel.staff.gate import DeskRequest

# Of each step its title, what to do, and the page where it is done.
_WORDS: Final[Mapping[Step, tuple[str | Promise, str | Promise, str]]] = {
    Step.PROVIDER: (
        _("Add your first provider"),
        _("Its address and your key there. The connection is tested before it is kept."),
        "staff:provider-add",
    ),
    Step.PRICES: (
        _("Say what is added to its rates"),
        _("A mark-up for the provider; categories and services may have their own."),
        "staff:price-list",
    ),
    Step.SERVICES: (
        _("Choose what to sell"),
        _("Pick services from the provider's list: they go up for sale at your rates."),
        "staff:price-list-import",
    ),
    Step.MAIL: (
        _("Let letters leave the panel"),
        _("EMAIL_URL in the environment says by whom. Until then they go to the log."),
        "",
    ),
    Step.SECOND: (
        _("Add a second person"),
        _("Large adjustments take two. Make the user, then give the role."),
        "staff:users",
    ),
    Step.SOLD: (
        _("Place the first order"),
        _("As a customer, on the pages or by the API: then look at it here."),
        "staff:orders",
    ),
}
# These pages are of one provider; without any, the way is to add the first.
_OF_PROVIDER: Final = frozenset(("staff:price-list", "staff:price-list-import"))


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    stages = set_up.stages()
    provider = Provider.objects.order_by("pk").first()
    context = {
        "stages": [(stage, *_told(stage.step, provider)) for stage in stages],
        "done": sum(stage.is_done for stage in stages),
        "count": len(stages),
        "currency": settings.CURRENCY,
    }
    return render(request, "staff/set_up/page.html", context)


def _told(step: Step, provider: Provider | None) -> tuple[str, str, str]:
    """Return a step's title, what to do, and the address where it is done; "": not on a page."""
    title, words, way = _WORDS[step]
    if way in _OF_PROVIDER:
        href = reverse(way, args=[provider.pk]) if provider else reverse("staff:provider-add")
    else:
        href = reverse(way) if way else ""
    return str(title), str(words), href
