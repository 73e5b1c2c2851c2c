"""A customer's link to bring others by, and what it has brought."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from relaypanel.look.keyset import before_id, next_page
from relaypanel.look.page import PageRequest
from relaypanel.payments import affiliates

COOKIE: Final = "ref"
_MONTH_SECONDS: Final = 30 * 86_400
_PAGE: Final = 20


@login_required
@require_GET
def page(request: PageRequest) -> HttpResponse:
    figures = affiliates.figures(request.user.pk)
    found = affiliates.earnings(request.user.pk, before=before_id(request), limit=_PAGE + 1)
    earnings = found[:_PAGE]
    path = reverse("dashboard:referred", args=[figures.code])
    context = {
        "tab": "affiliate",
        "terms": affiliates.terms(),
        "figures": figures,
        "link": f"{settings.PUBLIC_URL or request.build_absolute_uri('/').rstrip('/')}{path}",
        "earnings": earnings,
        "next_page": next_page(request, earnings, more=len(found) > _PAGE),
    }
    return render(request, "dashboard/settings/affiliate.html", context)


@require_GET
def referred(request: HttpRequest, code: str) -> HttpResponse:
    """Remember by whose link a visitor came, until they sign up."""
    answer = redirect("/")
    if not request.user.is_authenticated and affiliates.visit(code):
        answer.set_cookie(
            COOKIE,
            code,
            max_age=_MONTH_SECONDS,
            httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
            samesite="Lax",
        )
    return answer
