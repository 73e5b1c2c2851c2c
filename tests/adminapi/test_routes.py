"""Holds docs/admin-api.md against the routes, the scopes and the codes that there are."""

from __future__ import annotations

import re

import pytest

from relaypanel.accounts import admin_keys
from relaypanel.accounts.models import Scope
from relaypanel.adminapi import orders, people, routes, tickets, wire
from tests.tidy import ROOT

PAGE = (ROOT / "docs" / "admin-api.md").read_text()

# Every route that public clients of the market's API call.
MARKET = """
GET /orders
GET /orders/{id}
POST /orders/pull
POST /orders/update
POST /orders/change-status
POST /orders/{id}/set-partial
POST /orders/{id}/edit-link
POST /orders/resend
POST /orders/request-cancel
POST /orders/cancel
POST /cancel/pull
POST /cancel/reject
POST /refill/pull
POST /refill/change-status
GET /payments
POST /payments/add
GET /users
POST /users/add
GET /tickets
GET /tickets/{id}
POST /tickets/{id}/reply
POST /tickets/add
"""


class TestRoutes:
    def test_are_those_of_the_market(self) -> None:
        ours = [f"{route.method} {route.path}" for route in routes.ROUTES]

        assert ours == MARKET.split("\n")[1:-1]

    @pytest.mark.parametrize("route", routes.ROUTES, ids=lambda r: f"{r.method} {r.path}")
    def test_are_found_by_their_path(self, route: routes.Route) -> None:
        subject = 12 if "{id}" in route.path else 0

        assert routes.find(route.method, route.path.replace("{id}", "12")) == (route, subject)

    def test_have_no_way_to_place_an_order(self) -> None:
        assert routes.find("POST", "/orders") is None
        assert routes.find("POST", "/orders/add") is None

    def test_lend_scopes_that_somebody_must_have(self) -> None:
        assert {route.scope for route in routes.ROUTES} == set(Scope)
        assert set(admin_keys.SECTIONS) == set(Scope)


class TestPage:
    def test_lists_every_route_with_its_scope_and_its_words(self) -> None:
        rows = re.findall(r"^\| `(\w+)` \| `(/\S+)` \| `(\S+)` \| (.+?) \|$", PAGE, re.MULTILINE)

        assert rows == [(r.method, r.path, r.scope.value, r.words) for r in routes.ROUTES]

    def test_lists_every_code(self) -> None:
        listed = {int(code) for code in re.findall(r"^\| `(\d+)` \|", PAGE, re.MULTILINE)}
        codes = {wire.NOT_FOUND, wire.BAD_KEY, wire.NOT_ALLOWED, wire.BAD_FIELD}

        assert listed == codes | {wire.REFUSED, wire.TOO_MANY, wire.FAULT}
        assert {code for code, _ in wire.WORDS.values()} <= listed

    def test_names_every_filter(self) -> None:
        filters = orders.FILTERS | people.USER_FILTERS | people.PAYMENT_FILTERS | tickets.FILTERS

        assert {name for name in filters if f"`{name}`" not in PAGE} == set()
