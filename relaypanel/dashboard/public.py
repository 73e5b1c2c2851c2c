"""The pages for whoever comes by: the front page, questions and terms."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from relaypanel.catalogue import search
from relaypanel.catalogue.search import Wanted
from relaypanel.storefront import texts
from relaypanel.storefront.models import TextPage

_SHOWN_FIRST = 6


@require_GET
def landing(request: HttpRequest) -> HttpResponse:
    stock = search.stock()
    context = {
        "words": _words(TextPage.LANDING),
        "platforms": [shelf.platform for shelf in stock.shelves],
        "services": search.page(wanted=Wanted(), user_id=None, limit=_SHOWN_FIRST).services,
        "count": stock.count,
    }
    return render(request, "dashboard/public/landing.html", context)


@require_GET
def faq(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/public/faq.html", {"words": _words(TextPage.FAQ)})


@require_GET
def terms(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/public/terms.html", {"words": _words(TextPage.TERMS)})


def _words(page: TextPage) -> texts.Written | None:
    return texts.of(page=page, language=get_language() or "")
