"""R11: what is somebody else's answers like what is not there, and none may be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.db import models
from django.forms.models import model_to_dict
from django.test import Client

from relaypanel.accounts import keys
from relaypanel.accounts.models import Role, Section, User
from relaypanel.accounts.rights import Level
from relaypanel.contract import Action
from relaypanel.orders import lookup
from relaypanel.orders.models import Order
from tests import cast
from tests.api_v2 import client as api
from tests.dashboard.browser import signed_in, with_password
from tests.hostile import planted, walk
from tests.hostile.size import tell
from tests.hostile.walk import ABSENT
from tests.staff import people

MARK = "alices-own-mark"
# What no form is meant to take from the one who fills it in.
EXTRA = {
    "balance": "1000000",
    "balance_e8": "100000000000",
    "role": "owner",
    "is_staff": "on",
    "is_superuser": "on",
    "is_active": "on",
    "user": "1",
    "user_id": "1",
    "rate": "0",
    "rate_e8": "0",
    "charge_e8": "0",
    "percent_e2": "10000",
    "api_calls_per_minute": "0",
    "status": "completed",
}
PRIVILEGED = ("role", "is_active", "api_calls_per_minute", "username")


class House:
    def __init__(self) -> None:
        self.alice = with_password(cast.alice(balance="100").user)
        self.bob = with_password(cast.bob(balance="100").user)
        service = cast.service(cancel=True, refill_days=30)
        self.rows, self.missing = planted.belongings(self.alice, service, text=MARK)
        self.numbers = sorted(set(self.rows.values()))

    def hers(self) -> dict[str, Any]:
        """Return all rows of Alice's as they are."""
        return {
            label: model_to_dict(row) if (row := _row(label, pk)) else None
            for label, pk in self.rows.items()
        }

    def privileges(self) -> list[Any]:
        discounts: Any = models.QuerySet(apps.get_model("catalogue.Discount")).filter(user=self.bob)
        account: Any = models.QuerySet(apps.get_model("ledger.Account")).get(user=self.bob)
        bob = User.objects.get(pk=self.bob.pk)
        return [*(getattr(bob, name) for name in PRIVILEGED), discounts.count(), account.balance_e8]


@pytest.fixture
def house(db: None) -> House:
    return House()


class TestPages:
    def test_tell_nothing_of_somebody_elses(self, house: House) -> None:
        browser, read, unlike, asked = signed_in(house.bob), [], [], 0
        # A page that fails tells nothing of anybody, and of itself neither.
        failed = []
        for address in walk.addresses():
            for number in house.numbers if address.gaps else [1]:
                for method in ("get", "post"):
                    path = address.filled(number)
                    found = walk.body(browser, method, path)
                    browser = signed_in(house.bob) if "logout" in path else browser
                    asked += 1
                    failed += [path] * (found.status >= 500)
                    if MARK in found.text or MARK in found.place:
                        read.append(path)
                    if address.gaps and "{" not in path and found.status not in (404, 405):
                        absent = walk.body(browser, method, address.filled(ABSENT))
                        # What visitors are shown alike is nobody's: a style sheet, a text.
                        visited = walk.body(Client(), method, path)
                        is_public = (visited.status, visited.text) == (200, found.text)
                        if not (is_public or found.is_like(absent, numbers=(number, ABSENT))):
                            unlike.append(f"{method} {path}: {walk.difference(found, absent)}")
        tell(
            f"R11 isolation: {asked} calls by Bob, foreign reads {len(read)},"
            f" answers unlike those of absent things {len(unlike)};"
            f" rows in {len(house.rows)} tables, in all but {len(house.missing)}"
        )
        assert house.missing == []
        assert failed == []
        assert read == []
        assert unlike == []

    def test_write_nothing_of_somebody_elses(self, house: House) -> None:
        before, privileges, browser = house.hers(), house.privileges(), signed_in(house.bob)
        posts = 0
        for address in walk.addresses():
            if address.path.startswith("account/") and not address.gaps:
                # Bob may change his own password and name; he would be signed out.
                continue
            for path in address.fillings(house.numbers):
                walk.body(browser, "post", path, EXTRA)
                posts += 1

        changed = [label for label, row in house.hers().items() if row != before[label]]
        raised = house.privileges() != privileges
        tell(f"R11 writes: {posts} posts by Bob, rows changed {len(changed)}, raised {raised}")
        assert changed == []
        assert not raised

    def test_let_staff_who_may_only_look_change_nothing(self, house: House) -> None:
        looks = people.staff(levels=dict.fromkeys(Section, Level.VIEW))
        nobody = people.staff("dave")

        changed = [posted(house, people.reauthenticated(one)) for one in (looks, nobody)]
        tell(f"R11 staff: posts by two who may not, rows changed {sum(map(len, changed))}")
        assert changed == [[], []]

    def test_let_an_owner_change_things(self, house: House) -> None:
        """The twin: with every right, the same posts do change rows."""
        changed = posted(house, people.reauthenticated(people.owner()))

        tell(f"R11 twin, every right: rows changed {len(changed)}")
        assert changed

    def test_of_staff_are_shown_to_staff_alone(self, house: House) -> None:
        strangers = [signed_in(house.bob), Client()]
        shown = [
            path
            for address in walk.addresses()
            if address.is_staff
            for path in address.fillings([*house.numbers, ABSENT])
            for method in ("get", "post")
            for stranger in strangers
            if is_shown(address, walk.body(stranger, method, path))
        ]
        tell(f"R11 desk: pages of staff shown to others {len(shown)}")
        assert shown == []
        assert User.objects.filter(role=Role.OWNER).count() == 0


def _row(label: str, pk: int) -> models.Model | None:
    rows: models.QuerySet[models.Model] = models.QuerySet(apps.get_model(label))
    return rows.filter(pk=pk).first()


def posted(house: House, browser: Client) -> list[str]:
    """Return which of Alice's rows are not what they were after a post to each of the desk's."""
    before = house.hers()
    for address in walk.addresses():
        if address.module.startswith("relaypanel.staff"):
            for path in address.fillings(house.numbers):
                walk.body(browser, "post", path, EXTRA)
    return [label for label, row in house.hers().items() if row != before[label]]


def is_shown(address: walk.Address, reply: walk.Reply) -> bool:
    if "adminapi" in address.module:
        # It says 200 to everybody, and "no" in its body.
        return '"error_code":0' in reply.text.replace(" ", "")
    return reply.status == 200


class TestApi:
    def test_tells_nothing_of_somebody_elses(self, house: House) -> None:
        unlike = differences(house)

        tell(f"R11 API: {len(Action)} actions, foreign answers unlike absent ones {len(unlike)}")
        assert unlike == []

    def test_tells_it_where_a_look_up_starts_from_the_number(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The twin: get(pk=…), without its owner."""
        real = lookup.statuses

        def careless(*, user_id: int, order_ids: Any) -> Mapping[int, Any]:
            found: dict[int, Any] = {}
            for order in Order.objects.filter(pk__in=order_ids):
                found |= real(user_id=order.user_id, order_ids=[order.pk])
            return found

        monkeypatch.setattr(lookup, "statuses", careless)

        unlike = differences(house)

        tell(f"R11 twin, get(pk=id): foreign answers unlike absent ones {len(unlike)}")
        assert unlike


def differences(house: House) -> list[str]:
    """Return the calls of Bob's that tell Alice's things from things that are not there."""
    secret, unlike = keys.reveal(house.bob), []
    for action in Action:
        for field in ("order", "orders", "refill", "refills", "client_ref"):
            for number in house.numbers:
                told, absent = (
                    api.send(
                        urlencode({"key": secret, "action": action.value, field: value}).encode()
                    ).decode()
                    for value in (number, ABSENT)
                )
                if told != absent and walk.gone(told, number) != walk.gone(absent, ABSENT):
                    unlike.append(f"{action} {field}={number}")
    return unlike
