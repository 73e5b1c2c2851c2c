"""Staff at work: an unclear order settled in each of the three ways, a refund, money by two people,
and a role that may not see money.
"""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.shop import Shop, Visit
from tests.shop import LINK, Reseller

_LONG_AGO = "2026-01-01 00:00:00"


@pytest.fixture
def reseller(shop: Shop) -> Reseller:
    return Reseller(shop.url, shop.people["customer"]["api_key"])


def sent(shop: Shop, reseller: Reseller, name: str) -> tuple[int, str]:
    """Return an order that its provider has, and its ID there."""
    service = next(row for row in reseller.ask("services") if row["type"] == "Default")
    link = f"{LINK}/{name}/{time.time_ns()}"
    order_id = reseller.add(service=service["service"], link=link, quantity=200)
    for _ in range(200):
        [[upstream_id]] = shop.sql("SELECT upstream_id FROM orders_order WHERE id = ?", order_id)
        if upstream_id:
            return order_id, str(upstream_id)
        time.sleep(0.1)
    raise AssertionError("it was not sent")


def lost(shop: Shop, reseller: Reseller, name: str) -> tuple[int, str]:
    """Return an order whose answer was lost on its way, and the ID that nobody heard."""
    order_id, upstream_id = sent(shop, reseller, name)
    shop.sql(
        "UPDATE orders_order SET status = 'unconfirmed', upstream_id = NULL, ended_at = NULL, "
        "sending_until = ? WHERE id = ?",
        _LONG_AGO,
        order_id,
    )
    return order_id, upstream_id


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Confirm").click()


def prove_who(page: Page, shop: Shop, who: str) -> None:
    """Say who it is once more, as the desk asks before what it guards."""
    page.wait_for_url("**/reauthenticate/**")
    page.get_by_label("Password").fill(shop.people[who]["password"])
    page.locator("main form button").first.click()


class TestUnconfirmed:
    def test_is_settled_in_each_of_three_ways(
        self, visit: Visit, shop: Shop, reseller: Reseller
    ) -> None:
        attached, upstream_id = lost(shop, reseller, "attach")
        again, _ = lost(shop, reseller, "again")
        refunded, _ = lost(shop, reseller, "refund")
        page = visit.as_staff()

        page.goto("/staff/unconfirmed")
        card = page.locator(f"#order-{attached}")
        card.get_by_label("Upstream ID").fill(upstream_id)
        card.get_by_role("button", name="It is this one").click()
        expect(page.locator("#messages")).to_contain_text(f"goes on as {upstream_id}")

        card = page.locator(f"#order-{again}")
        card.get_by_label("How you know").fill("They said so by mail.")
        card.get_by_role("button", name="Send again").click()
        confirm(page)
        expect(page.locator("#messages")).to_contain_text("will be sent again")

        card = page.locator(f"#order-{refunded}")
        card.get_by_role("button", name="Cancel and refund").click()
        confirm(page)
        expect(page.locator("#messages")).to_contain_text("has everything back")
        assert reseller.ask("status", order=refunded)["status"] == "Canceled"


class TestOrders:
    def test_are_refunded_together(self, visit: Visit, shop: Shop, reseller: Reseller) -> None:
        orders = [sent(shop, reseller, f"bulk-{n}")[0] for n in range(2)]
        page = visit.as_staff()

        page.goto("/staff/orders")
        for order_id in orders:
            page.get_by_label(f"Tick order {order_id}", exact=True).check()
        page.get_by_role("button", name="Cancel and refund").click()
        confirm(page)

        expect(page.locator("#messages")).to_contain_text("2 orders are done")
        assert {reseller.ask("status", order=one)["status"] for one in orders} == {"Canceled"}


class TestAdjustment:
    def test_takes_two_people(self, visit: Visit, shop: Shop) -> None:
        first, second = visit.as_staff("staff"), visit.as_staff("owner")

        first.goto("/staff/users?q=demo_other")
        first.get_by_role("link", name="demo_other").click()
        first.get_by_label("Amount").fill("500")
        first.get_by_label("Reason", exact=True).fill("a large gift")
        first.get_by_role("button", name="Adjust the balance").click()
        confirm(first)
        prove_who(first, shop, "staff")
        expect(first.locator("#messages")).to_contain_text("waits for a second person")

        second.goto("/staff/users")
        second.locator("#adjustments").get_by_role("button", name="Approve").click()
        confirm(second)
        prove_who(second, shop, "owner")
        expect(second.locator("#messages")).to_contain_text("The balance is adjusted")


class TestSupport:
    def test_sees_no_money_anywhere(self, visit: Visit, shop: Shop, reseller: Reseller) -> None:
        order_id, _ = sent(shop, reseller, "support")
        [[role]] = shop.sql("SELECT id FROM accounts_staffrole WHERE name = 'Support'")
        [[before]] = shop.sql(
            "SELECT staff_role_id FROM accounts_user WHERE username = 'demo_staff'"
        )
        give = "UPDATE accounts_user SET staff_role_id = ? WHERE username = 'demo_staff'"
        visit.watch.expects(403)
        page = visit.as_staff("staff")
        shop.sql(give, role)
        try:
            for path in ("orders", f"orders/{order_id}", "unconfirmed", "cancels", "users"):
                page.goto(f"/staff/{path}")
                assert not re.search(r"\$\d", page.locator("main").inner_text()), path
            for path in ("overview", "settings", "audit-log"):
                reply = page.goto(f"/staff/{path}")
                assert reply is not None
                assert reply.status == 403, path
        finally:
            shop.sql(give, before)


class TestArrange:
    def test_moves_services_by_arrow_keys_and_by_pointer(self, visit: Visit) -> None:
        page = visit.as_staff()
        page.goto("/staff/categories/1/services")
        names, grips = page.locator("[data-sort] .titled-words a"), page.locator("[data-grip]")
        first, second = names.all_inner_texts()[:2]

        grips.first.focus()
        page.keyboard.press("ArrowDown")
        expect(page.locator("#messages")).to_contain_text("The order is kept.")
        page.reload()
        assert names.all_inner_texts()[:2] == [second, first]

        grips.nth(1).hover()
        page.mouse.down()
        grips.first.hover()
        page.mouse.up()
        expect(page.locator("#messages")).to_contain_text("The order is kept.")
        page.reload()
        assert names.all_inner_texts()[:2] == [first, second]
