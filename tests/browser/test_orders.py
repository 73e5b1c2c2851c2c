"""Walks of a customer who orders: with script and without, alone and many at once."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.shop import Visit
from tests.shop import LINK, SAMPLES, Reseller


def service(visit: Visit, words: str) -> int:
    """Return the ID of the one service whose name holds these words."""
    page = visit.as_customer()
    page.goto(f"/new-order?q={words}")
    href = page.locator("#found a").first.get_attribute("href") or ""
    return int(href.rpartition("=")[2])


def order_a_drip_feed(visit: Visit) -> None:
    """Order one that goes on for longer than any test."""
    reseller = Reseller(visit.shop.url, visit.shop.people["customer"]["api_key"])
    row = next(row for row in reseller.ask("services") if row["dripfeed"])
    fields = {"link": LINK} | SAMPLES[row["type"]]
    reseller.ask("add", service=row["service"], **fields, runs=9, interval=600)


def fill(page: Page, service_id: int, *, quantity: str, link: str = LINK) -> None:
    page.goto(f"/new-order?service={service_id}")
    page.get_by_label("Link", exact=True).fill(link)
    page.get_by_label("Quantity", exact=True).fill(quantity)


class TestNewOrder:
    def test_leads_to_a_completed_order(self, visit: Visit) -> None:
        service_id = service(visit, "lập tức")
        page = visit.as_customer()

        fill(page, service_id, quantity="200")
        expect(page.locator("#quote .total strong")).to_have_text("$3.60")
        page.get_by_role("button", name="Place the order").click()

        page.wait_for_url(re.compile(r"/orders/\d+$"))
        expect(page.locator("#order .pill").first).to_have_text("Completed", timeout=30_000)
        expect(page.locator(".timeline")).to_contain_text("Placed and paid")

    def test_shows_a_refusal_beside_its_field(self, visit: Visit) -> None:
        service_id = service(visit, "lập tức")
        page = visit.as_customer()

        fill(page, service_id, quantity="200", link="nonsense")
        expect(page.locator("#quote")).to_contain_text("Give the full public link")
        page.locator("#order-form button").click()

        field = page.locator(".field-wrong")
        expect(field).to_contain_text("Link")
        expect(field).to_contain_text("Give the full public link")

    def test_works_without_script(self, visit: Visit) -> None:
        service_id = service(visit, "lập tức")
        page = visit.as_customer(java_script_enabled=False)

        fill(page, service_id, quantity="200")
        page.get_by_role("button", name="Show the price").click()
        expect(page.locator("#quote .total strong")).to_have_text("$3.60")
        page.get_by_role("button", name="Place the order").click()

        expect(page.locator("h1")).to_contain_text("Order")
        expect(page.locator(".timeline")).to_contain_text("Placed and paid")

    def test_fills_in_an_order_again(self, visit: Visit) -> None:
        page = visit.as_customer()
        page.goto("/orders/1")

        page.get_by_role("link", name="Order again").click()

        expect(page.get_by_label("Link", exact=True)).to_have_value(LINK)
        expect(page.get_by_role("button", name="Place the order")).to_be_visible()


class TestMassOrder:
    def test_shows_prices_and_then_places_all(self, visit: Visit) -> None:
        service_id = service(visit, "lập tức")
        page = visit.as_customer()
        page.goto("/mass-order")

        line = f"{service_id} | {LINK} | 200"
        page.get_by_label("Orders, one a line").fill(f"{line}\nnonsense\n{line}")
        page.get_by_role("button", name="Check and show the prices").click()
        expect(page.locator(".total strong")).to_have_text("$7.20")
        page.get_by_role("button", name="Place 2 orders").click()

        expect(page.get_by_role("heading", name="2 orders are placed for $7.20")).to_be_visible()


class TestCancel:
    def test_is_asked_and_told_in_advance(self, visit: Visit) -> None:
        service_id = service(visit, "hủy được khi chưa chạy")
        page = visit.as_customer()
        fill(page, service_id, quantity="200")
        page.get_by_role("button", name="Place the order").click()
        page.wait_for_url(re.compile(r"/orders/\d+$"))

        expect(page.locator(".ask").first).to_contain_text("comes back", use_inner_text=True)

    def test_explains_why_not(self, visit: Visit) -> None:
        page = visit.as_customer()

        page.goto("/orders/1")

        expect(page.get_by_role("button", name="Cancel")).to_be_disabled()
        expect(page.locator("#why-no-cancel")).to_have_text(
            "Orders of this service cannot be canceled."
        )

    def test_gives_the_money_back(self, visit: Visit) -> None:
        service_id = service(visit, "hủy được khi chưa chạy")
        page = visit.as_customer()
        fill(page, service_id, quantity="200")
        page.get_by_role("button", name="Place the order").click()
        page.wait_for_url(re.compile(r"/orders/\d+$"))

        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("button", name="Confirm").click()

        pill = page.locator("#order .pill").first
        expect(pill).to_have_text("Canceled", timeout=60_000)

    def test_asks_on_a_page_where_there_is_no_script(self, visit: Visit) -> None:
        service_id = service(visit, "hủy được khi chưa chạy")
        page = visit.as_customer(java_script_enabled=False)
        fill(page, service_id, quantity="200")
        page.get_by_role("button", name="Show the price").click()
        page.get_by_role("button", name="Place the order").click()

        page.get_by_role("button", name="Cancel", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Are you sure?")
        expect(page.locator("main")).to_contain_text("$")
        page.get_by_role("link", name="Go back").click()
        expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_enabled()
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("button", name="Confirm").click()

        expect(page.locator(".message")).to_contain_text("is to be canceled")


class TestRefill:
    def test_is_asked_for_and_followed(self, visit: Visit) -> None:
        service_id = service(visit, "lập tức")
        page = visit.as_customer()
        fill(page, service_id, quantity="200")
        page.get_by_role("button", name="Place the order").click()
        page.wait_for_url(re.compile(r"/orders/\d+$"))
        number = page.url.rpartition("/")[2]
        pill = page.locator("#order .pill").first
        expect(pill).to_have_text("Completed", timeout=60_000)

        page.get_by_role("button", name="Refill", exact=True).click()
        page.goto("/refills")

        expect(page.locator("main")).to_contain_text(number)


class TestDripFeed:
    def test_is_paused_resumed_and_stopped(self, visit: Visit) -> None:
        order_a_drip_feed(visit)
        page = visit.as_customer()
        page.goto("/drip-feeds?state=going")

        row = page.locator("tbody tr").first
        row.get_by_role("button", name="Pause").click()
        expect(page.locator(".message")).to_contain_text("paused")
        row.get_by_role("button", name="Resume").click()
        expect(page.locator(".message")).to_contain_text("goes on")
        row.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Confirm").click()
        expect(page.locator(".message")).to_contain_text("refunded")


class TestDashboard:
    def test_is_light_on_the_first_visit(self, visit: Visit) -> None:
        page = visit.as_customer()
        weights: list[int] = []
        page.context.clear_cookies(name="csrftoken")
        page.on(
            "requestfinished",
            lambda request: weights.append(request.sizes()["responseBodySize"]),
        )

        page.goto("/dashboard", wait_until="networkidle")

        assert len(weights) > 5
        assert sum(weights) <= 60_000
