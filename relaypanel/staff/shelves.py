"""Platforms and categories: added, renamed, put in order, taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from relaypanel.catalogue import shelves
from relaypanel.catalogue.models import Category, Platform
from relaypanel.errors import Refused
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest, acting

_KINDS: Final[dict[str, type[Platform | Category]]] = {
    "platform": Platform,
    "category": Category,
}


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    rows: dict[int, list[Category]] = {}
    for category in shelves.categories():
        rows.setdefault(category.platform_id, []).append(category)
    found = [(platform, rows.get(platform.pk, [])) for platform in shelves.platforms()]
    return render(request, "staff/shelves/page.html", {"platforms": found})


@require_POST
def add(request: DeskRequest) -> HttpResponse:
    name, platform = request.POST.get("name", ""), request.POST.get("platform", "")
    if not platform:
        return _done(request, "platform.add", name, lambda: shelves.add_platform(name))
    if not (platform.isascii() and platform.isdigit() and len(platform) < 19):
        raise Http404
    return _done(
        request,
        "category.add",
        name,
        lambda: shelves.add_category(platform_id=int(platform), name=name),
    )


@require_POST
def act(request: DeskRequest, kind: str, shelf_id: int) -> HttpResponse:
    model = _KINDS.get(kind)
    shelf = model.objects.filter(pk=min(shelf_id, 2**63 - 1)).first() if model else None
    if shelf is None:
        raise Http404
    wanted, name = request.POST.get("act", ""), request.POST.get("name", "")
    acts: dict[str, Callable[[], object]] = {
        "rename": lambda: shelves.rename(shelf, name),
        "up": lambda: shelves.move(shelf, up=True),
        "down": lambda: shelves.move(shelf, up=False),
        "remove": lambda: shelves.remove(shelf),
    }
    if wanted not in acts:
        raise Http404
    return _done(request, f"{kind}.{wanted}", shelf.name, acts[wanted])


def _done(request: DeskRequest, name: str, subject: str, do: Callable[[], object]) -> HttpResponse:
    kind = name.partition(".")[0]
    try:
        with acting(request, name, (kind, subject[:64])) as change:
            do()
            change.after = {"name": request.POST.get("name", "")}
    except Refused as refused:
        messages.error(request, refusals.words(refused))
    return redirect("staff:shelves")
