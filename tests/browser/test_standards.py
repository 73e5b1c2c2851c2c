"""Every page, at every width, light and dark, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Page

from tests.browser import fine
from tests.browser.pages import PAGES, Listed
from tests.browser.shop import HEIGHT, WIDTHS, Visit

LANGUAGES = ("en", "vi")
THEMES = ("light", "dark")


@pytest.mark.parametrize("listed", PAGES, ids=lambda listed: listed.name)
def test_a_page_is_fine(visit: Visit, listed: Listed) -> None:
    visit.watch.expects(403, 404, 429)
    visit.as_one("guarded")
    page = visit.as_visitor() if listed.is_public else visit.as_one(listed.who)

    faults = []
    for language in LANGUAGES:
        visit.speak(page, language)
        visit.open(page, listed)
        faults += [f"{language} {fault}" for fault in _faults(page)]

    assert _route(page.url) == _route(listed.path)
    assert not faults, "\n".join(faults)


def _route(url: str) -> str:
    """Return the address as the program knows it, without what differs from thing to thing."""
    try:
        return resolve(urlsplit(url).path).route
    except Resolver404:
        return ""


def _faults(page: Page) -> Iterator[str]:
    for theme in THEMES:
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            yield from (f"{theme} {width}: {fault}" for fault in fine.faults(page))
