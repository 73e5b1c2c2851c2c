"""A customer asks, with a picture, and is answered."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.shop import Visit
from tests.shop import LINK, Reseller
from tests.tickets import scene

SUBJECT = "Where are my likes? 👍"


def bought(visit: Visit) -> int:
    """Return the ID of an order that the customer has just placed."""
    reseller = Reseller(visit.shop.url, visit.shop.people["customer"]["api_key"])
    service = next(row for row in reseller.ask("services") if row["type"] == "Default")
    added = reseller.ask("add", service=service["service"], link=LINK, quantity=service["min"])
    return int(added["order"])


def ask(page: Page, *, order_id: int) -> None:
    page.goto(f"/tickets/new?order={order_id}")
    page.get_by_label("Subject").fill(SUBJECT)
    page.get_by_label("Message", exact=True).fill("It says Completed,\nand I see nothing.")
    page.get_by_label("Pictures").set_input_files(
        {"name": "shot.png", "mimeType": "image/png", "buffer": scene.picture(size=(900, 600))}
    )
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(re.compile(r"/tickets/\d+$"))


def test_a_customer_asks_with_a_picture_and_closes(visit: Visit) -> None:
    page = visit.as_customer()
    order_id = bought(visit)

    ask(page, order_id=order_id)
    expect(page.get_by_text("We have your message.")).to_be_visible()
    expect(page.get_by_role("link", name=f"#{order_id}")).to_be_visible()
    picture = page.get_by_role("img", name="Picture 1")
    picture.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.bubble img').naturalWidth === 900")

    page.get_by_role("button", name="Close the ticket").click()
    expect(page.get_by_text("You closed the ticket")).to_be_visible()
    page.get_by_label("Message", exact=True).fill("One more thing.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("One more thing.")).to_be_visible()


def test_a_ticket_needs_no_script(visit: Visit) -> None:
    visit.as_customer()
    page = visit.as_customer(java_script_enabled=False)

    ask(page, order_id=bought(visit))

    expect(page.get_by_text("and I see nothing.")).to_be_visible()
