"""Walks through signing up, second factors, passkeys, the API key, language and theme."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.guarded import add_app, add_passkey, prove, sign_in, sign_up
from tests.browser.shop import Visit


class TestSecondFactor:
    def test_is_turned_on_and_asked_for_and_a_recovery_code_stands_in(self, visit: Visit) -> None:
        page = visit.as_visitor()
        sign_up(page, "dung")
        spare = add_app(page)
        expect(page.get_by_text("On. Signing in asks for its code.")).to_be_visible()

        again = visit.as_visitor()
        sign_in(again, "dung")
        again.get_by_label("Code").fill(spare)
        again.get_by_role("button", name="Sign in", exact=True).click()
        again.wait_for_url("**/dashboard")
        again.goto("/settings/security")

        expect(again.get_by_text("password and code").first).to_be_visible()


class TestPasskey:
    def test_is_added_and_signs_in_alone(self, visit: Visit) -> None:
        page = visit.as_visitor()
        sign_up(page, "giang")
        add_passkey(page, "My phone")
        page.goto("/settings/security")
        expect(page.get_by_text("My phone")).to_be_visible()

        page.context.clear_cookies()
        page.goto("/account/login/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url("**/dashboard")
        page.goto("/settings/security")

        expect(page.get_by_text("passkey", exact=True)).to_be_visible()


class TestKey:
    def test_is_shown_after_a_proof_and_changed(self, visit: Visit) -> None:
        page = visit.as_visitor()
        sign_up(page, "hanh")
        page.goto("/api")
        with page.expect_navigation():
            page.get_by_role("button", name="Show the key").click()
        prove(page)
        old = page.locator("#the-key").inner_text()

        page.get_by_role("button", name="Make a new key").click()
        page.get_by_role("button", name="Confirm", exact=True).click()
        expect(page.get_by_text("This is your new key.")).to_be_visible()
        new = page.locator("#the-key").inner_text()

        assert re.fullmatch("[0-9a-f]{32}", old)
        assert re.fullmatch("[0-9a-f]{32}", new)
        assert old != new

    def test_is_bound_to_addresses_with_a_warning(self, visit: Visit) -> None:
        page = visit.as_visitor()
        sign_up(page, "khanh")
        page.goto("/api")
        page.get_by_label("Allowed addresses").fill("203.0.113.7")
        page.get_by_role("button", name="Save the list").click()
        expect(page.get_by_text("would lock out an address that is in use now")).to_be_visible()

        page.get_by_label("Save it anyway").check()
        page.get_by_role("button", name="Save the list").click()
        expect(page.get_by_text("Only the list below")).to_be_visible()
        page.get_by_role("button", name="Make the call").click()

        expect(page.get_by_text("Invalid API key", exact=False).first).to_be_visible()


class TestPriceList:
    def test_is_searched_while_typing_and_by_filters(self, visit: Visit) -> None:
        page = visit.as_customer()
        page.goto("/services")

        page.get_by_label("Search services", exact=True).fill("binh chon")
        expect(page.get_by_role("status")).to_have_text(re.compile(r"^1 service$"))
        page.get_by_label("Search services", exact=True).fill("")
        page.get_by_label("Refill", exact=True).check()

        expect(page).to_have_url(re.compile("refill=on"))
        expect(page.get_by_role("cell", name=re.compile("refill 30 days")).first).to_be_visible()

    def test_keeps_a_favourite(self, visit: Visit) -> None:
        page = visit.as_customer()
        page.goto("/services")

        page.get_by_role("button", name="Favourite: service 3", exact=True).click()
        expect(
            page.get_by_role("button", name="Favourite: service 3", exact=True)
        ).to_have_attribute("aria-pressed", "true")
        page.goto("/services?favourites=on")

        expect(page.get_by_role("status")).to_have_text(re.compile("1 service"))

    def test_works_without_script(self, visit: Visit) -> None:
        page = visit.as_visitor(java_script_enabled=False)
        page.goto("/services")

        page.get_by_label("Search services", exact=True).fill("binh chon")
        page.get_by_role("button", name="Filter").click()

        expect(page.get_by_role("status")).to_have_text(re.compile("1 service"))


class TestPreferences:
    def test_language_and_theme_stay(self, visit: Visit) -> None:
        page = visit.as_visitor()
        page.goto("/faq")

        page.get_by_role("button", name=re.compile("^EN")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Câu hỏi thường gặp")
        with page.expect_response("**/theme"):
            page.get_by_role("button", name="Sáng hoặc tối").click()
        page.goto("/terms")

        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        expect(page.locator("html")).to_have_attribute("lang", "vi")
