"""The whole of it: a stranger signs up, proves the address, adds money, and has an order done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from queue import Queue

import pytest
from playwright.sync_api import Browser, expect

from tests import databases
from tests.browser import fine
from tests.browser.guarded import sign_in, sign_up
from tests.browser.letterbox import letterbox
from tests.browser.shop import Visit, open_shop
from tests.shop import LINK


@pytest.fixture
def letters_and_visit(browser: Browser) -> Iterator[tuple[Queue[str], Visit]]:
    """Yield the letters of a shop that sends some, and a visit to it."""
    with (
        letterbox() as (email_url, letters),
        databases.fresh("sqlite") as database_url,
        open_shop(database_url, EMAIL_URL=email_url, EMAIL_FROM="panel@example.com") as shop,
    ):
        visit = Visit(shop=shop, browser=browser)
        yield letters, visit
        visit.close()
        assert visit.watch.complaints == []


def test_a_stranger_becomes_a_customer_with_a_completed_order(
    letters_and_visit: tuple[Queue[str], Visit],
) -> None:
    letters, visit = letters_and_visit
    page = visit.as_visitor()

    sign_up(page, "nga")
    page.wait_for_url("**/account/confirm-email/")
    asked = letters.get(timeout=30)
    found = re.search(r"http://\S+/account/confirm-email/\S+", asked)
    assert found, asked
    page.goto(found[0])
    assert fine.faults(page) == []
    page.locator("main form button").click()
    page.wait_for_url("**/account/login/")
    sign_in(page, "nga")
    page.wait_for_url("**/dashboard")

    page.goto("/funds")
    page.get_by_label("USDT").check()
    page.get_by_label("Amount").fill("20")
    page.get_by_role("button", name="Continue").click()
    reference = page.get_by_role("heading", level=1).inner_text().removeprefix("Top-up ")
    page.get_by_role("button", name="I have sent it").click()
    visit.shop.panel.run("payment", "confirm", reference, "--by", "demo_staff")
    expect(page.get_by_text("$20.00 is on your balance.")).to_be_visible()

    page.goto("/new-order?q=lập tức")
    page.locator("#found a").first.click()
    page.get_by_label("Link", exact=True).fill(LINK)
    page.get_by_label("Quantity", exact=True).fill("200")
    expect(page.locator("#quote .total strong")).to_have_text("$3.60")
    page.get_by_role("button", name="Place the order").click()
    page.wait_for_url(re.compile(r"/orders/\d+$"))
    expect(page.locator("#order .pill").first).to_have_text("Completed", timeout=60_000)
    page.goto("/funds/statement")
    expect(page.get_by_text("$16.40").first).to_be_visible()
