"""A customer with every second factor, made as a person makes it; and how one proves who one is."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

from tests.browser.totp import totp

PASSWORD: Final = "a-rare-Passw0rd"


def sign_up(page: Page, name: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Make a free account").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign up").click()


def sign_in(page: Page, name: str) -> None:
    page.goto("/account/login/")
    page.get_by_label("Username or e-mail").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in", exact=True).click()


def prove(page: Page, password: str = PASSWORD) -> None:
    """Answer the question whether it is really you, if it is asked; in any language."""
    if "/reauthenticate/?" in page.url:
        page.locator("input[name=password]").fill(password)
        page.locator("main form button, .narrow form button").first.click()
        # A click is over before the page that it leads to is there.
        page.wait_for_url(lambda url: "/reauthenticate/?" not in url)


def add_app(page: Page) -> str:
    """Turn the authenticator app on, and return the first recovery code."""
    page.goto("/settings/security")
    with page.expect_navigation():
        page.get_by_role("link", name="Turn it on").click()
    prove(page)
    secret = page.locator("#totp-key").inner_text()
    page.get_by_label("Authenticator code").fill(totp(secret))
    page.get_by_role("button", name="Turn it on").click()
    spare = page.locator("#recovery-codes").inner_text().split()[0]
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url("**/settings/security")
    return spare


def add_passkey(page: Page, name: str) -> None:
    """Add a passkey of an authenticator that Chromium makes up."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    options |= {"hasUserVerification": True, "isUserVerified": True}
    options |= {"automaticPresenceSimulation": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto("/account/2fa/webauthn/")
    with page.expect_navigation():
        page.get_by_role("link", name="Add a passkey").click()
    prove(page)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add the passkey").click()
    page.wait_for_url(lambda url: "/webauthn/add/" not in url)
