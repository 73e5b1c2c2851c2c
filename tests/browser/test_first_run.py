"""A panel from its first minute on: its owner sets it up and sells, imports a large price list, and
decides on what moved too far in it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from relaypanel.providers.answers import Listing
from tests import databases
from tests.browser.shop import Shop, Visit
from tests.browser.totp import totp
from tests.catalogue.lists import listing
from tests.management.upstream import Upstream
from tests.processes import Panel
from tests.shop import LINK

PASSWORD = "a long walk on a quiet evening"


@pytest.fixture
def house() -> Iterator[Shop]:
    """Yield a panel in which there is nobody and nothing, and no worker either: it would follow
    price lists while somebody looks at them.
    """
    with databases.fresh("sqlite") as database_url, Panel(database_url=database_url) as panel:
        serving = panel.start("web")
        url = serving.url.replace("127.0.0.1", "localhost")
        yield Shop(panel=panel, url=url, people={})


@pytest.fixture
def visit(browser: Browser, house: Shop) -> Iterator[Visit]:
    one = Visit(shop=house, browser=browser)
    yield one
    one.close()
    assert one.watch.complaints == []


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    panel = Upstream()
    thread = threading.Thread(target=panel.server.serve_forever)
    thread.start()
    yield panel
    panel.server.shutdown()
    thread.join()
    panel.server.server_close()


@pytest.fixture
def owner(visit: Visit, house: Shop) -> Page:
    """Return the page of an owner who has just been made, with the second factor set up."""
    house.panel.run("createstaff", "--username", "dora", "--password-stdin", stdin=f"{PASSWORD}\n")
    page = visit.as_visitor()
    sign_in(page, "dora")
    expect(page.locator("#messages")).to_contain_text("needs a second factor")
    prove(page)
    page.get_by_label("Authenticator code").fill(totp(page.locator("#totp-key").inner_text()))
    page.locator("form:has(input[name=code]) button").first.click()
    page.wait_for_url("**/recovery-codes/**")
    page.goto("/staff")
    return page


def sign_in(page: Page, name: str) -> None:
    page.goto("/account/login/")
    page.get_by_label("Username or e-mail").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def prove(page: Page) -> None:
    """Say who it is once more, as is asked before what is guarded."""
    page.wait_for_url("**/reauthenticate/**")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm", exact=True).click()


def add_provider(page: Page, *, name: str, url: str) -> None:
    """Add a provider, which leads to its price list."""
    page.goto("/staff/providers/add")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Address of its API").fill(url)
    page.get_by_label("Your API key there").fill("its-key")
    page.get_by_role("button", name="Call it and add it").click()
    page.wait_for_url("**/import")


def price_list(count: int) -> list[Listing]:
    """Return so many services, every fiftieth of TikTok."""
    return [
        listing(str(n), name=f"{'Facebook' if n % 50 else 'TikTok'} thích {n}", rate="1.5")
        for n in range(1, count + 1)
    ]


class TestFirstRun:
    def test_leads_to_the_first_sold_order(self, visit: Visit, house: Shop, owner: Page) -> None:
        house.panel.start("worker")
        simulator = house.panel.simulator("--speed", "20")

        # What is to be done first, in this order.
        owner.goto("/staff/first-steps")
        expect(owner.locator(".head")).to_contain_text("The panel sells in USD")
        owner.get_by_role("link", name="Go there").first.click()
        add_provider(owner, name="Upstream", url=f"{simulator.url}/api/v2")

        # The guide leads on: what is added to its rates, and what is sold.
        owner.goto("/staff/first-steps")
        owner.locator("li", has_text="Say what is added").get_by_role("link").click()
        owner.get_by_label("Mark-up (%)").fill("50")
        owner.get_by_role("button", name="Save the rule").click()
        expect(owner.locator("#messages")).to_contain_text("Saved")
        owner.goto("/staff/first-steps")
        owner.locator("li", has_text="Choose what to sell").get_by_role("link").click()
        owner.get_by_label("Name or ID").fill("lập tức")
        owner.get_by_role("button", name="Filter").click()
        owner.get_by_label("All on this page").check()
        owner.get_by_label("Mark-up (%)").fill("50")
        owner.get_by_role("button", name="Sell what is ticked").click()
        expect(owner.locator("#messages")).to_contain_text("2 services are for sale")

        # Somebody to buy, with money.
        owner.goto("/staff/users/new")
        owner.get_by_label("Username").fill("alice")
        owner.get_by_label("Password").fill(PASSWORD)
        owner.get_by_role("button", name="Make the account").click()
        owner.get_by_label("Amount").fill("20")
        owner.get_by_label("Reason", exact=True).fill("paid in cash")
        owner.get_by_role("button", name="Adjust the balance").click()
        owner.get_by_role("button", name="Confirm").click()
        expect(owner.locator("#messages")).to_contain_text("The balance is adjusted")

        alice = visit.as_visitor()
        sign_in(alice, "alice")
        alice.goto("/new-order?q=cảm xúc")
        alice.locator("#found a").first.click()
        alice.get_by_label("Link", exact=True).fill(LINK)
        alice.get_by_label("Quantity", exact=True).fill("200")
        # 15 for a thousand at the provider, and a half more.
        expect(alice.locator("#quote .total strong")).to_have_text("$4.50")
        alice.get_by_role("button", name="Place the order").click()
        alice.wait_for_url(re.compile(r"/orders/\d+$"))
        expect(alice.locator("#order .pill").first).to_have_text("Completed", timeout=60_000)

        owner.goto("/staff/first-steps")
        expect(owner.locator("li", has_text="Place the first order")).to_contain_text("done")
        owner.goto("/staff/orders")
        owner.locator("tbody a").first.click()
        money = owner.locator("section", has=owner.get_by_role("heading", name="Money"))
        expect(money).to_contain_text("$4.50")
        expect(money).to_contain_text("$1.50")


class TestPriceList:
    def test_of_ten_thousand_sells_two_hundred_with_a_mark_up(
        self, owner: Page, upstream: Upstream
    ) -> None:
        upstream.tell(*price_list(10_000))
        add_provider(owner, name="Large", url=upstream.url)
        expect(owner.locator(".head")).to_contain_text("sells 10,000 services")

        # Words find it without their accents.
        owner.get_by_label("Name or ID").fill("tiktok THICH")
        owner.get_by_role("button", name="Filter").click()
        owner.get_by_label("Mark-up (%)").fill("40")
        owner.get_by_role("button", name="Sell all 200 that are found").click()

        expect(owner.locator("#messages")).to_contain_text("200 services are for sale")
        expect(owner.locator(".head")).to_contain_text("sells 9,800 services")
        owner.goto("/staff/services?q=thich 9950")
        expect(owner.locator("tbody tr")).to_have_count(1)
        expect(owner.locator("tbody tr")).to_contain_text("$2.10")

    def test_with_a_spike_waits_for_a_word(self, owner: Page, upstream: Upstream) -> None:
        rows = price_list(20)
        upstream.tell(*rows)
        add_provider(owner, name="Moving", url=upstream.url)
        owner.get_by_label("Mark-up (%)").fill("20")
        owner.get_by_role("button", name="Sell all 20").click()
        expect(owner.locator("#messages")).to_contain_text("20 services are for sale")
        upstream.tell(
            listing("1", name="moves thích 1", rate="15"),
            listing("2", name="moves thích 2", rate="1.6"),
            *rows[2:],
        )

        owner.get_by_role("link", name="Price list").click()
        owner.get_by_role("button", name="Fetch it").click()
        expect(owner.locator("#preview")).to_contain_text("spike, 1.5 → 15")
        expect(owner.locator("#preview")).to_contain_text("1.8 → 1.92")
        owner.get_by_role("button", name="Follow it now").click()
        expect(owner.locator("#messages")).to_contain_text("The shop follows the list")
        assert "$1.92" in row(owner, "moves thich 2")

        # The one that moved too far is not sold until somebody says so.
        owner.get_by_role("link", name="Price changes").first.click()
        owner.get_by_label("All on this page").check()
        owner.get_by_role("button", name="Follow what is ticked").click()
        expect(owner.locator("#messages")).to_contain_text("The shop follows these changes")
        assert "$18" in row(owner, "moves thich 1")


def row(page: Page, words: str) -> str:
    """Return what the desk says of the one service with these words in its name."""
    page.goto(f"/staff/services?q={words}")
    expect(page.locator("tbody tr")).to_have_count(1)
    return page.locator("tbody tr").inner_text()
