"""A demo shop that is running, and people who look at it with a browser.

    def test_a_customer_sees_the_balance(visit: Visit) -> None:
        page = visit.as_customer()
        page.goto("/dashboard")
        ...

One shop and one Chromium serve all tests of a run; each test has cookies of its own, and each
page that it opened must be fine when it ends: see fine.py.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from tests.browser import guarded
from tests.browser.fine import Watch
from tests.browser.pages import Listed
from tests.browser.totp import totp
from tests.processes import Panel
from tests.shop import LINK, SAMPLES, Reseller

WIDTHS: Final = (390, 900, 1280)
HEIGHT: Final = 844
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
# What a person is ready to wait for; a loaded machine is slow.
_PATIENCE_MS: Final = 15_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """`people` is what `relaypanel demo --json` said: username, password and API key of each, and
    the seed of the second factor of those who have one.

    `url` names the machine as localhost, which browsers trust like https: passkeys need it.
    """

    panel: Panel
    url: str
    people: dict[str, Mapping[str, str]]
    # Signing in takes a while, so each person does it once: the cookies by name.
    sessions: dict[str, StorageState] = field(default_factory=dict)

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Run a statement on its database, for what no page does."""
        path = self.panel.environment["DATABASE_URL"].removeprefix("sqlite://")
        with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
            return connection.execute(statement, values).fetchall()


@contextmanager
def open_shop(database_url: str, **more: str) -> Iterator[Shop]:
    """Yield a shop with worker and simulated provider that sells to whoever comes."""
    settings = {"PRIVATE_PROVIDERS": "", "PRIVATE_WEBHOOKS": "127.0.0.0/8"} | more
    with Panel(database_url=database_url, **settings) as panel:
        panel.run("migrate")
        people = json.loads(panel.run("demo", "--json", "--balance", "12845.6"))
        serving = panel.start("serve", "--demo")
        url = serving.url.replace("127.0.0.1", "localhost")
        yield Shop(panel=panel, url=url, people=people)


def live_a_little(shop: Shop) -> None:
    """Let the customer buy one of each kind of thing, so that no page is empty."""
    reseller = Reseller(shop.url, shop.people["customer"]["api_key"])
    for row in reseller.ask("services"):
        fields = {"link": LINK} | SAMPLES[row["type"]]
        reseller.ask("add", service=row["service"], **fields)
        if row["dripfeed"]:
            reseller.ask("add", service=row["service"], **fields, runs=3, interval=5)


def chromium() -> str | None:
    """Return where Chromium is on this machine, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    # Root may not use Chromium's sandbox; what is looked at is ours.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        yield browser
        browser.close()


class Visit:
    """Opens pages of the shop; `watch` has seen everything that went wrong on them."""

    def __init__(self, *, shop: Shop, browser: Browser) -> None:
        self.shop = shop
        self.watch = Watch()
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def as_visitor(self, **options: Any) -> Page:
        """Return a page with its own cookies.  `options` are playwright's for a context."""
        defaults = {
            "viewport": {"width": WIDTHS[-1], "height": HEIGHT},
            "locale": "en-GB",
            # A colour that is only on its way to another one is judged by nobody.
            "reduced_motion": "reduce",
        }
        context = self._browser.new_context(base_url=self.shop.url, **(defaults | options))
        context.set_default_timeout(_PATIENCE_MS)
        self._contexts.append(context)
        page = context.new_page()
        self.watch.follow(page)
        return page

    def as_customer(self, who: str = "customer", **options: Any) -> Page:
        """Return a page on which the demo's customer is signed in; or "other"."""
        return self.as_one(who, **options)

    def as_staff(self, who: str = "owner", **options: Any) -> Page:
        """Return a page on which the demo's owner is signed in; or "staff", a manager."""
        return self.as_one(who, **options)

    def as_one(self, who: str, **options: Any) -> Page:
        if who == "guarded" and who not in self.shop.people:
            self._guard()
        if who in self.shop.sessions:
            return self.as_visitor(storage_state=self.shop.sessions[who], **options)
        page = self.as_visitor(**options)
        person = self.shop.people[who]
        page.goto("/account/login/")
        page.get_by_label("Username or e-mail").fill(person["username"])
        page.get_by_label("Password", exact=True).fill(person["password"])
        page.get_by_role("button", name="Sign in", exact=True).click()
        if "totp_secret" in person:
            page.locator("input[name=code]").fill(totp(person["totp_secret"]))
            page.locator("form:has(input[name=code]) button").first.click()
            page.wait_for_url("**/staff**")
        else:
            page.wait_for_url("**/dashboard")
        self.shop.sessions[who] = page.context.storage_state()
        return page

    def _guard(self) -> None:
        """Let somebody sign up who then has a second factor of each kind, and a webhook."""
        self._free_the_name("minh")
        page = self.as_visitor()
        guarded.sign_up(page, "minh")
        page.wait_for_url("**/dashboard")
        guarded.add_app(page)
        guarded.add_passkey(page, "My phone")
        page.goto("/settings/webhooks")
        page.get_by_label("Address").fill("http://127.0.0.1:9/hook")
        page.get_by_role("button", name="Add", exact=True).click()
        self.shop.people["guarded"] = {"username": "minh", "password": guarded.PASSWORD}
        self.shop.sessions["guarded"] = page.context.storage_state()

    def _free_the_name(self, name: str) -> None:
        """Rename whom a try left half made, or each later one is told that the name is taken."""
        where = "WHERE user_id = (SELECT id FROM accounts_user WHERE username = ?)"
        self.shop.sql(f"UPDATE account_emailaddress SET email = user_id || email {where}", name)
        columns = "username = id || username, email = id || email"
        self.shop.sql(f"UPDATE accounts_user SET {columns} WHERE username = ?", name)

    def open(self, page: Page, listed: Listed) -> None:
        """Go to a page of the list, by the steps that lead there."""
        page.goto(listed.start or listed.path)
        self._prove(page, listed)
        if listed.then:
            listed.then(page)
            self._prove(page, listed)

    def _prove(self, page: Page, listed: Listed) -> None:
        if not listed.is_public:
            guarded.prove(page, self.shop.people[listed.who]["password"])

    def speak(self, page: Page, language: str) -> None:
        """Let this browser's pages come in the language from now on, as the switch does."""
        cookie = {"name": "django_language", "value": language, "url": self.shop.url}
        page.context.add_cookies([cookie])  # type: ignore[list-item]

    def close(self) -> None:
        for context in self._contexts:
            context.close()
