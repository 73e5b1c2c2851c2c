"""Platforms and categories: added, renamed, taken away; they and the services put in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from relaypanel.accounts.audit_log import Change
from relaypanel.catalogue import shelves
from relaypanel.catalogue.models import Category, Platform
from relaypanel.errors import Refused
from relaypanel.look.numbers import number
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


@require_GET
def services(request: DeskRequest, category_id: int) -> HttpResponse:
    """Show the services of a category in their order, and let it be changed."""
    category = _known("category", category_id)
    assert isinstance(category, Category)
    context = {
        "category": category,
        "services": shelves.services(category),
        "arranged_max": shelves.ARRANGED_MAX,
    }
    return render(request, "staff/shelves/services.html", context)


@require_POST
def arrange(request: DeskRequest, kind: str = "", shelf_id: int = 0) -> HttpResponse:
    """Put what stands within a shelf, or the platforms, into the order that is sent."""
    inside = _known(kind, shelf_id) if kind else None
    ids = _rearranged(request.POST)
    try:
        with acting(request, "shelf.arrange", (kind or "shop", str(inside or ""))) as change:
            shelves.arrange(inside, ids)
            change.after = {"ids": ids}
    except Refused as refused:
        messages.error(request, refusals.words(refused))
        if request.htmx:
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    if request.htmx:
        return HttpResponse(status=204)
    if isinstance(inside, Category):
        return redirect("staff:shelf-services", inside.pk)
    return redirect("staff:shelves")


def _rearranged(form: QueryDict) -> list[int]:
    """Return the IDs in the order that is sent, one of them moved by a button without script."""
    texts = form.getlist("id")
    for button, by in (("up", -1), ("down", 1)):
        if (text := form.get(button)) in texts:
            here = texts.index(text)
            there = max(here + by, 0)
            texts.insert(there, texts.pop(here))
    return [_id(text) for text in texts]


@require_POST
def add(request: DeskRequest) -> HttpResponse:
    name, platform = request.POST.get("name", ""), request.POST.get("platform", "")
    platform_id = _id(platform) if platform else None

    def do(change: Change) -> None:
        if platform_id is None:
            shelf: Platform | Category = shelves.add_platform(name)
        else:
            shelf = shelves.add_category(platform_id=platform_id, name=name)
        change.after = {"name": shelf.name}

    return _done(request, "platform.add" if platform_id is None else "category.add", name, do)


@require_POST
def act(request: DeskRequest, kind: str, shelf_id: int) -> HttpResponse:
    shelf = _known(kind, shelf_id)
    wanted, name = request.POST.get("act", ""), request.POST.get("name", "")
    acts: dict[str, Callable[[], object]] = {
        "rename": lambda: shelves.rename(shelf, name),
        "up": lambda: shelves.move(shelf, up=True),
        "down": lambda: shelves.move(shelf, up=False),
        "remove": lambda: shelves.remove(shelf),
    }
    if wanted not in acts:
        raise Http404

    def do(change: Change) -> None:
        before = _told(type(shelf), shelf_id)
        acts[wanted]()
        after = _told(type(shelf), shelf_id)
        change.before = {key: old for key, old in before.items() if after.get(key) != old}
        change.after = {key: new for key, new in after.items() if before.get(key) != new}

    return _done(request, f"{kind}.{wanted}", shelf.name, do)


def _told(model: type[Platform | Category], shelf_id: int) -> dict[str, object]:
    """Return what the log tells of a shelf, which may be gone."""
    row = model.objects.filter(pk=shelf_id).values("name", "position").first()
    return dict(row) if row else {}


def _known(kind: str, shelf_id: int) -> Platform | Category:
    model = _KINDS.get(kind)
    shelf = model.objects.filter(pk=shelf_id).first() if model else None
    if shelf is None:
        raise Http404
    return shelf


def _id(text: str) -> int:
    found = number(text)
    if found is None:
        raise Http404
    return found


def _done(
    request: DeskRequest, name: str, subject: str, do: Callable[[Change], None]
) -> HttpResponse:
    kind = name.partition(".")[0]
    try:
        with acting(request, name, (kind, subject[:64])) as change:
            do(change)
    except Refused as refused:
        messages.error(request, refusals.words(refused))
    return redirect("staff:shelves")
