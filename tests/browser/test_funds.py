"""A customer adds money, is told of it, and chooses what else to be told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

from playwright.sync_api import expect
from standardwebhooks.webhooks import Webhook

from tests.browser.shop import Visit

Heard = tuple[dict[str, str], bytes]


@contextmanager
def listener() -> Iterator[tuple[str, Queue[Heard]]]:
    """Yield the address of somebody who listens to webhooks, and what they hear."""
    heard: Queue[Heard] = Queue()

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.put((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Ear)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", heard
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def test_a_top_up_is_asked_for_confirmed_and_on_the_balance(visit: Visit) -> None:
    # Whoever signs in begins on a page of another group.
    visit.watch.expects(404)
    page = visit.as_customer("other")
    page.goto("/funds")
    page.get_by_label("USDT").check()
    page.get_by_label("Amount").fill("12.5")
    page.get_by_role("button", name="Continue").click()

    reference = page.get_by_role("heading", level=1).inner_text().removeprefix("Top-up ")
    expect(page.get_by_text("$12.50").first).to_be_visible()
    page.get_by_role("button", name="I have sent it").click()
    expect(page.get_by_text("Being checked")).to_be_visible()
    visit.shop.panel.run("payment", "confirm", reference, "--by", "demo_staff")

    # The page asks by itself how it stands.
    expect(page.get_by_text("$12.50 is on your balance.")).to_be_visible()
    page.goto("/funds/statement")
    expect(page.get_by_text("+$12.50").first).to_be_visible()
    page.goto("/notices")
    expect(page.get_by_text("$12.50 has arrived")).to_be_visible()


def test_a_top_up_is_canceled_after_a_question(visit: Visit) -> None:
    visit.watch.expects(404)
    page = visit.as_customer("other")
    page.goto("/funds")
    page.get_by_label("USDT").check()
    page.get_by_label("Amount").fill("5")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Confirm").click()

    expect(page.get_by_text("The top-up is canceled.")).to_be_visible()


def test_a_webhook_is_added_and_called(visit: Visit) -> None:
    visit.watch.expects(404)
    page = visit.as_customer()
    with listener() as (url, heard):
        page.goto("/settings/webhooks")
        page.get_by_label("Address").fill(url)
        for box in page.get_by_role("checkbox").all():
            box.uncheck()
        # Nothing else happens meanwhile that it would be told of.
        page.get_by_label("A top-up was not accepted").check()
        page.get_by_role("button", name="Add", exact=True).click()
        secret = page.locator("#the-secret").inner_text()
        page.get_by_role("button", name="Send a test").click()

        headers, body = heard.get(timeout=30)

        assert Webhook(secret).verify(body, headers)["type"] == "test"
        expect(page.get_by_text("Delivered")).to_be_visible()
        page.get_by_role("button", name="Send again").click()
        again, said = heard.get(timeout=30)
        assert said == body
        assert again["webhook-id"] == headers["webhook-id"]
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("The webhook is removed.")).to_be_visible()


def test_settings_are_kept(visit: Visit) -> None:
    visit.watch.expects(404)
    page = visit.as_customer("other")
    page.goto("/settings")
    page.get_by_label("Name", exact=True).fill("Minh Anh")
    page.get_by_label("Second currency").select_option("VND")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Your settings are saved.")).to_be_visible()
    page.goto("/funds")
    expect(page.get_by_text("≈ ₫").first).to_be_visible()

    page.goto("/settings/notices")
    page.get_by_label("E-mail – An order is completed").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("E-mail – An order is completed")).to_be_checked()
