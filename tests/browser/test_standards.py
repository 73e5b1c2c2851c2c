"""Every page, at every width, light and dark, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Page

from tests import family, translations
from tests.browser import fine
from tests.browser.pages import PAGES, Listed
from tests.browser.shop import HEIGHT, WIDTHS, Shop, Visit

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


@pytest.fixture
def closed(shop: Shop) -> Iterator[None]:
    """Close the shop for maintenance, and open it again."""
    _close(shop, True)
    yield
    _close(shop, False)


@pytest.mark.usefixtures("closed")
def test_the_page_of_a_closed_shop_is_fine(visit: Visit) -> None:
    visit.watch.expects(503)
    page = visit.as_visitor()

    faults = []
    for language in LANGUAGES:
        visit.speak(page, language)
        reply = page.goto("/faq")
        assert reply is not None
        assert reply.status == 503
        faults += [f"{language} {fault}" for fault in _faults(page)]

    assert not faults, "\n".join(faults)


def test_the_page_of_a_fault_is_fine(visit: Visit) -> None:
    page = visit.as_visitor()

    page.set_content((translations.PACKAGE / "look/templates/500.html").read_text())

    assert not list(_faults(page))


def _close(shop: Shop, is_closed: bool) -> None:
    shop.sql("UPDATE storefront_profile SET is_closed = ?", is_closed)
    # Each process looks again after some seconds.
    wanted = 503 if is_closed else 200
    family.until(lambda: _status(f"{shop.url}/faq") == wanted, every_seconds=0.2)


def _status(url: str) -> int:
    try:
        with urlopen(url) as reply:
            return int(reply.status)
    except HTTPError as error:
        return error.code


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
