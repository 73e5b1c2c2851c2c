"""The guide of a new panel: what to do first, with the way to each page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

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
        "staff:providers",
    ),
    Step.SERVICES: (
        _("Choose what to sell"),
        _("Pick services from the provider's list: they go up for sale at your rates."),
        "staff:providers",
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


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    stages = set_up.stages()
    context = {
        "stages": [(stage, *_WORDS[stage.step]) for stage in stages],
        "done": sum(stage.is_done for stage in stages),
        "count": len(stages),
        "currency": settings.CURRENCY,
    }
    return render(request, "staff/set_up/page.html", context)
