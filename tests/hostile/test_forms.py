"""R10 on the pages: however a form or an address is filled in, the answer is no fault of ours."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.cache import cache
from django.db import models, transaction
from django.test import Client

from relaypanel import dashboard, staff, vault
from relaypanel.look import keyset
from tests import cast
from tests.dashboard.browser import PASSWORD, signed_in, with_password
from tests.hostile import forms, planted, walk
from tests.hostile.forms import WRONG, Sent
from tests.hostile.size import of, tell
from tests.staff import people

# Beyond 32 bits, the last that a column of IDs holds, and beyond it.
NUMBERS = (2**31, 2**63 - 1, 2**63, 2**200)
_READS = re.compile(r'(?:GET|POST|query|form)\.get(?:list)?\("([\w-]+)"|row_id\(request, "(\w+)"')
_DIGITS = re.compile(r"\d+")


class House:
    """One shop, and who looks at it: by whom, which part of it."""

    def __init__(self) -> None:
        alice, bob = (with_password(it.user) for it in (cast.alice(balance="100"), cast.bob()))
        service = cast.service(cancel=True, refill_days=30)
        cast.provider()
        planted.belongings(alice, service, text="hers")
        owner, halfway = people.reauthenticated(people.owner()), Client()
        people.signed_in(bob)
        seed = {"secret": vault.seal("A" * 32, place="mfa")}
        Authenticator.objects.filter(type=Authenticator.Type.TOTP).update(data=seed)
        halfway.post("/account/login/", {"login": bob.username, "password": PASSWORD})
        self.numbers = first_of_each_table()
        addresses = [it for it in walk.addresses() if not it.module.endswith("adminapi.door")]
        desk = [it for it in addresses if it.is_staff]
        shop = [it for it in addresses if not it.is_staff]
        account = [it for it in shop if it.path.startswith("account/")]
        self.visits = [
            (signed_in(alice), shop),
            (owner, desk),
            (Client(), shop),
            (halfway, account),
        ]


@pytest.fixture
def house(db: None) -> House:
    return House()


class TestPages:
    def test_answer_whatever_a_form_says(self, house: House) -> None:
        told, asked, found = [], 0, 0
        for browser, addresses in house.visits:
            for number, one in enumerate(crawled(house, browser, addresses)):
                wrong = list(spoilt(one, number))
                told += faults(browser, wrong)
                asked, found = asked + len(wrong), found + 1
        tell(f"R10 forms: {found} forms and links, {asked} times wrong, faults {len(told)}")
        assert not told, "\n".join(told)
        # A crawler that finds no forms finds no faults.
        assert found > 150

    def test_answer_whatever_an_address_says(self, house: House) -> None:
        told, asked = [], 0
        for browser, addresses in house.visits:
            for number, address in enumerate(addresses):
                wrong = list(strange(address, house, number))
                told += faults(browser, wrong)
                asked += len(wrong)
        tell(f"R10 addresses: {asked} calls, faults {len(told)}")
        assert not told, "\n".join(told)

    def test_fail_where_numbers_are_read_as_python_does(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keyset, "number", lambda text: int(text) if text else None)
        owner, _ = house.visits[1]
        wrong = spoilt(Sent(method="get", path="/staff/audit-log", fields={"before": "1"}), 0)

        assert faults(owner, wrong)


def first_of_each_table() -> list[int]:
    queries: list[Any] = [models.QuerySet(model) for model in apps.get_models()]
    found = (rows.order_by("pk").values_list("pk", flat=True).first() for rows in queries)
    return sorted({pk for pk in found if isinstance(pk, int)})


def crawled(house: House, browser: Client, addresses: Iterable[walk.Address]) -> list[Sent]:
    """Return what the forms and links of all these pages send, each kind once."""
    found: dict[tuple[object, ...], Sent] = {}
    for address in addresses:
        for path in address.fillings(house.numbers if address.gaps else [1]):
            page = answer(browser, Sent(method="get", path=path, fields={}))
            if page.status_code == 200 and "html" in page.headers.get("Content-Type", ""):
                for one in forms.sent(page.content.decode(), at=path):
                    kind = (one.method, _DIGITS.sub("N", one.path), one.fields.get("act"))
                    found.setdefault((*kind, *sorted(one.fields)), one)
    return list(found.values())


def spoilt(one: Sent, number: int) -> Iterator[Sent]:
    """Yield what is sent with one field after the other wrong or missing; in short, one of each."""
    for place, name in enumerate(one.fields):
        for value in of(short=WRONG[(number + place) % len(WRONG) :][:1], full=WRONG):
            yield replace(one, fields={**one.fields, name: value})
        yield replace(one, fields={key: it for key, it in one.fields.items() if key != name})


def strange(address: walk.Address, house: House, number: int) -> Iterator[Sent]:
    """Yield calls with everything wrong that any page reads, and with numbers that nobody has."""
    for path in address.fillings(house.numbers[:1]):
        for value in of(short=WRONG[number % len(WRONG) :][:1], full=WRONG[number % 4 :: 4]):
            fields = dict.fromkeys(names_read(), value[:5_000])
            yield Sent(method="get", path=path, fields=fields)
            yield Sent(method="post", path=path, fields=fields)
    for path in address.fillings(NUMBERS) if address.gaps else []:
        yield Sent(method="get", path=path, fields={})
        yield Sent(method="post", path=path, fields={})


def names_read() -> list[str]:
    """Return the names of what pages read of an address or a form beside what Django's forms do."""
    folders = [Path(package.__path__[0]) for package in (dashboard, staff)]
    texts = [file.read_text() for folder in folders for file in folder.rglob("*.py")]
    return sorted({"before", *(a or b for text in texts for a, b in _READS.findall(text))})


def faults(browser: Client, wrong: Iterable[Sent]) -> list[str]:
    """Return in words which calls were answered by a fault."""
    told = []
    for one in wrong:
        found = answer(browser, one)
        # A provider would have been called, from where nothing may be.
        is_kept_in = "A test tried to use socket" in str(found.exc_info)
        if found.status_code >= 500 and not is_kept_in:
            fields = {name: value[:30] for name, value in list(one.fields.items())[:9]}
            error = repr(found.exc_info and found.exc_info[1])[:200]
            told.append(f"{one.method} {one.path[:80]} {fields}: {error}")
    return told


def answer(browser: Client, one: Sent) -> Any:
    """Return the answer.  What was written is undone, and the browser stays signed in."""
    client = Client(raise_request_exception=False)
    client.cookies = copy.deepcopy(browser.cookies)
    text = forms.encoded(one.fields)
    # Who is turned away for asking too often learns nothing.
    cache.clear()
    with transaction.atomic():
        if one.method == "post":
            kind = "application/x-www-form-urlencoded"
            found = client.generic("POST", one.path, text, content_type=kind)
        else:
            path, _, query = one.path.partition("?")
            both = "&".join(filter(None, (query, text)))
            found = client.generic("GET", path, QUERY_STRING=both)
        transaction.set_rollback(True)
    return found
