"""The list of pages is whole: each address of the shop stands in it, or is no page."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import pytest
from django.urls import Resolver404, resolve

from tests.browser.pages import PAGES
from tests.browser.shop import Visit
from tests.hostile import walk

_NO_PAGES: Final = {
    # -- files, styles, pictures --
    "orders/export.csv",
    "funds/statement.csv",
    "funds/<id:topup_id>/code.svg",
    "hue/<id:degrees>.css",
    "logo/<slug:name>.webp",
    "account/2fa/recovery-codes/download/",
    # -- parts of a page --
    "new-order/quote",
    "tickets/<id:ticket_id>/thread",
    # -- answers that lead to another page --
    "services/<id:service_id>/favourite",
    "tickets/<id:ticket_id>/answer",
    "tickets/<id:ticket_id>/close",
    "drip-feeds/<id:order_id>/pause",
    "drip-feeds/<id:order_id>/resume",
    "drip-feeds/<id:order_id>/stop",
    "orders/<id:order_id>/cancel",
    "orders/<id:order_id>/refill",
    "language",
    "theme",
    "funds/<id:topup_id>/paid",
    "funds/<id:topup_id>/cancel",
    "settings/webhooks/<id:endpoint_id>/change",
    "settings/webhooks/<id:endpoint_id>/act",
    "settings/webhooks/<id:endpoint_id>/deliveries/<id:delivery_id>",
    "r/<slug:code>",
    "notices/read",
    "account/2fa/",
    # For users without a password, of whom nobody signs in.
    "account/password/set/",
    # Signing in by a code in a letter is off.
    "account/login/code/confirm/",
    "account/2fa/webauthn/login/",
    # -- for programs --
    "payments/hooks/<int:method_id>",
}


def _routes() -> dict[str, str]:
    """Return an address of each route of the shop."""
    found = {}
    for address in walk.addresses():
        if not address.is_staff:
            path = address.filled(1)
            try:
                found[resolve(path).route] = path
            except Resolver404:
                # Its gap takes no number.
                found[address.path] = path
    return found


def _listed() -> set[str]:
    paths = [urlsplit(one.path).path for one in PAGES]
    return {resolve(path).route for path in paths if path != "/no-such-page"}


def test_each_address_is_in_the_list_or_no_page() -> None:
    routes, listed = set(_routes()), _listed()

    assert routes - listed - _NO_PAGES == set()
    assert _NO_PAGES & listed == set()
    assert routes >= _NO_PAGES


@pytest.mark.parametrize("route", sorted(_NO_PAGES))
def test_what_is_no_page_shows_none(visit: Visit, route: str) -> None:
    page = visit.as_customer()

    answer = page.request.get(_routes()[route], max_redirects=0, headers={"Accept": "text/html"})

    is_html = answer.headers.get("content-type", "").startswith("text/html")
    assert not (answer.status == 200 and is_html and "<html" in answer.text())
