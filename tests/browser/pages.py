"""The list of all pages: what the standards are held against, and what is photographed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page

from tests.browser.guarded import PASSWORD
from tests.shop import LINK


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """`path` as a person would type it; public pages are looked at by a visitor, others by `who`
    of the shop's people.

    What nobody types, as the answer to a form, is reached from `start` by what `then` does there.
    """

    name: str
    path: str
    is_public: bool = False
    who: str = "customer"
    start: str = ""
    then: Callable[[Page], None] | None = None


def _press(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).first.click()


def _follow(selector: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        with page.expect_navigation():
            page.locator(selector).first.click()

    return act


def _send(form: str, **fields: str) -> Callable[[Page], None]:
    """Fill in a form and send it, past what the browser would say of it, and past questions."""

    def act(page: Page) -> None:
        for name, text in fields.items():
            page.locator(f"{form} [name={name}]").first.fill(text)
        with page.expect_navigation():
            page.locator(form).first.evaluate("form => form.submit()")

    return act


def _sign_in_halfway(page: Page) -> None:
    """Give the password of somebody with a second factor, unless the code is asked for already."""
    if "/authenticate" not in page.url:
        _send("main form", login="minh", password=PASSWORD)(page)


def _change_news(page: Page) -> None:
    announced = page.locator("a[href^='/staff/settings/news/']")
    if not announced.count():
        _send("main form:has([name=title])", title="A day off", body="We are back tomorrow.")(page)
    _follow("a[href^='/staff/settings/news/']")(page)


def _without_token(page: Page) -> None:
    page.locator("main form [name=csrfmiddlewaretoken]").evaluate("field => field.remove()")
    _send("main form")(page)


def _ask_too_often(page: Page) -> None:
    """Ask for letters to one address until there are too many of them."""
    while page.locator("main form").count():
        _send("main form", email="nobody@example.com")(page)
        if page.url.endswith("/done/"):
            page.goto("/account/password/reset/")


_ACCOUNT: Final = (
    Listed(name="sign-in", path="/account/login/", is_public=True),
    Listed(name="sign-up", path="/account/signup/", is_public=True),
    Listed(name="reset", path="/account/password/reset/", is_public=True),
    Listed(name="reset-sent", path="/account/password/reset/done/", is_public=True),
    Listed(name="reset-old", path="/account/password/reset/key/1-old/", is_public=True),
    Listed(name="reset-done", path="/account/password/reset/key/done/", is_public=True),
    Listed(name="proof-sent", path="/account/confirm-email/", is_public=True),
    Listed(name="proof-old", path="/account/confirm-email/old/", is_public=True),
    Listed(name="closed", path="/account/inactive/", is_public=True),
    Listed(name="e-mail", path="/account/email/"),
    Listed(name="password", path="/account/password/change/"),
    Listed(name="security", path="/settings/security"),
    Listed(name="security-history", path="/settings/security/history"),
    Listed(name="passkeys", path="/account/2fa/webauthn/"),
    Listed(name="sign-out", path="/account/logout/"),
    Listed(name="is-it-you", path="/account/reauthenticate/"),
    Listed(name="sessions", path="/account/sessions/"),
    Listed(
        name="sign-up-refused",
        path="/account/signup/",
        is_public=True,
        start="/account/signup/",
        then=_send("main form", username="é", email="nobody", password1="short"),
    ),
    Listed(
        name="sign-in-refused",
        path="/account/login/",
        is_public=True,
        start="/account/login/",
        then=_send("main form", login="nobody", password="nothing"),
    ),
    Listed(
        name="sign-in-code",
        path="/account/2fa/authenticate/",
        is_public=True,
        start="/account/login/",
        then=_sign_in_halfway,
    ),
    Listed(name="security-guarded", path="/settings/security", who="guarded"),
    Listed(name="app-on", path="/account/2fa/totp/activate/"),
    Listed(name="app-off", path="/account/2fa/totp/deactivate/", who="guarded"),
    Listed(name="codes", path="/account/2fa/recovery-codes/", who="guarded"),
    Listed(name="codes-new", path="/account/2fa/recovery-codes/generate/", who="guarded"),
    Listed(
        name="codes-shown",
        path="/account/2fa/recovery-codes/",
        who="guarded",
        start="/account/2fa/recovery-codes/generate/",
        then=_send("main form"),
    ),
    Listed(name="passkeys-guarded", path="/account/2fa/webauthn/", who="guarded"),
    Listed(name="passkey-add", path="/account/2fa/webauthn/add/", who="guarded"),
    Listed(
        name="passkey-rename",
        path="/account/2fa/webauthn/keys/1/edit/",
        who="guarded",
        start="/account/2fa/webauthn/",
        then=_follow("main a[href$='/edit/']"),
    ),
    Listed(
        name="passkey-remove",
        path="/account/2fa/webauthn/keys/1/remove/",
        who="guarded",
        start="/account/2fa/webauthn/",
        then=_follow("main a[href$='/remove/']"),
    ),
    Listed(name="is-it-you-code", path="/account/2fa/reauthenticate/", who="guarded"),
    Listed(name="is-it-you-passkey", path="/account/2fa/webauthn/reauthenticate/", who="guarded"),
)

_PUBLIC: Final = (
    Listed(name="landing", path="/", is_public=True),
    Listed(name="faq", path="/faq", is_public=True),
    Listed(name="terms", path="/terms", is_public=True),
)

_PRICE_LIST: Final = (
    Listed(name="services-visitor", path="/services", is_public=True),
    Listed(name="services", path="/services"),
    Listed(name="services-nothing", path="/services?q=nothing-like-this"),
    Listed(name="updates", path="/updates"),
    Listed(name="search", path="/search?q=facebook"),
    Listed(name="search-nothing", path="/search?q=nothing-like-this"),
)

_API: Final = (
    Listed(name="api-visitor", path="/api", is_public=True),
    Listed(name="api", path="/api"),
    Listed(
        name="api-key",
        path="/api/key",
        who="guarded",
        start="/api",
        then=_follow("form[action='/api/key'] button"),
    ),
    Listed(
        name="api-key-dialog",
        path="/api",
        start="/api",
        then=_press("form[action='/api/key/new'] button"),
    ),
    Listed(
        name="api-key-question",
        path="/api/key/new",
        start="/api",
        then=_send("form[action='/api/key/new']"),
    ),
    Listed(
        name="api-allow-refused",
        path="/api/addresses",
        start="/api",
        then=_send("form[action='/api/addresses']", networks="nonsense"),
    ),
    Listed(
        name="api-allow-warned",
        path="/api/addresses",
        start="/api",
        then=_send("form[action='/api/addresses']", networks="203.0.113.7"),
    ),
    Listed(
        name="api-console",
        path="/api/try",
        start="/api",
        then=_send("form[action^='/api/try']"),
    ),
)

_DESK: Final = (
    Listed(name="desk-overview", path="/staff/overview", who="owner"),
    Listed(name="desk-orders", path="/staff/orders", who="owner"),
    Listed(name="desk-orders-filtered", path="/staff/orders?status=completed", who="owner"),
    Listed(name="desk-order", path="/staff/orders/1", who="owner"),
    Listed(name="desk-unconfirmed", path="/staff/unconfirmed", who="owner"),
    Listed(name="desk-cancels", path="/staff/cancels", who="owner"),
    Listed(name="desk-refills", path="/staff/refills", who="owner"),
    Listed(name="desk-topups", path="/staff/topups?state=all", who="owner"),
    Listed(name="desk-topups-nothing", path="/staff/topups?q=nobody-like-this", who="owner"),
    Listed(name="desk-topup", path="/staff/topups/1", who="owner"),
    Listed(name="desk-methods", path="/staff/payment-methods", who="owner"),
    Listed(name="desk-method", path="/staff/payment-methods/1", who="owner"),
    Listed(name="desk-method-new", path="/staff/payment-methods/new", who="owner"),
    Listed(name="desk-books", path="/staff/books", who="owner"),
    Listed(name="desk-books-nothing", path="/staff/books?customer=nobody", who="owner"),
    Listed(name="desk-books-days", path="/staff/books/days", who="owner"),
    Listed(name="desk-books-proofs", path="/staff/books/proofs", who="owner"),
    Listed(name="desk-users", path="/staff/users", who="owner"),
    Listed(name="desk-user-new", path="/staff/users/new", who="owner"),
    Listed(name="desk-user", path="/staff/users/1", who="owner"),
    Listed(name="desk-services", path="/staff/services", who="owner"),
    Listed(name="desk-service", path="/staff/services/1", who="owner"),
    Listed(name="desk-service-new", path="/staff/services/new", who="owner"),
    Listed(name="desk-categories", path="/staff/categories", who="owner"),
    Listed(name="desk-category-services", path="/staff/categories/1/services", who="owner"),
    Listed(name="desk-providers", path="/staff/providers", who="owner"),
    Listed(name="desk-provider-add", path="/staff/providers/add", who="owner"),
    Listed(name="desk-provider", path="/staff/providers/1", who="owner"),
    Listed(name="desk-import", path="/staff/providers/1/import", who="owner"),
    Listed(name="desk-price-list", path="/staff/providers/1/price-list", who="owner"),
    Listed(name="desk-price-changes", path="/staff/price-changes", who="owner"),
    Listed(name="desk-first-steps", path="/staff/first-steps", who="owner"),
    Listed(name="desk-settings", path="/staff/settings", who="owner"),
    Listed(name="desk-texts", path="/staff/settings/texts", who="owner"),
    Listed(name="desk-news", path="/staff/settings/news", who="owner"),
    Listed(
        name="desk-news-change",
        path="/staff/settings/news/1",
        who="owner",
        start="/staff/settings/news",
        then=_change_news,
    ),
    Listed(
        name="desk-question",
        path="/staff/users/1/suspend",
        who="owner",
        start="/staff/users/1",
        then=_send("form[action$='/suspend']", reason="Nothing at all"),
    ),
    Listed(name="desk-admin-keys", path="/staff/settings/keys", who="owner"),
    Listed(name="desk-roles", path="/staff/settings/roles", who="owner"),
    Listed(name="desk-audit-log", path="/staff/audit-log", who="owner"),
)

_TICKETS: Final = (
    Listed(name="tickets", path="/tickets"),
    Listed(name="tickets-new", path="/tickets/new"),
    Listed(
        name="tickets-new-refused",
        path="/tickets/new",
        start="/tickets/new",
        then=_send("main form", subject="So it is", orders="7,987654321", text="So it is."),
    ),
    Listed(name="tickets-thread", path="/tickets/1"),
    Listed(name="desk-tickets", path="/staff/tickets", who="owner"),
    Listed(name="desk-tickets-one", path="/staff/tickets/1", who="owner"),
    Listed(name="desk-tickets-templates", path="/staff/tickets/templates", who="owner"),
)

_FUNDS: Final = (
    Listed(name="funds", path="/funds"),
    Listed(
        name="funds-refused",
        path="/funds/topups",
        start="/funds",
        then=_send("form[action='/funds/topups']", amount="a lot"),
    ),
    Listed(name="funds-topup", path="/funds/1"),
    Listed(name="funds-topup-open", path="/funds/2"),
    Listed(name="statement", path="/funds/statement"),
    Listed(name="statement-nothing-fits", path="/funds/statement?kind=withdrawal"),
)

_ORDERS: Final = (
    Listed(name="new-order", path="/new-order"),
    Listed(name="new-order-form", path="/new-order?service=1"),
    Listed(name="new-order-again", path="/new-order?again=1"),
    Listed(name="new-order-found", path="/new-order?q=like"),
    Listed(
        name="new-order-refused",
        path="/new-order",
        start="/new-order?service=1",
        then=_send("#order-form", link="nonsense", quantity="7"),
    ),
    Listed(name="mass-order", path="/mass-order"),
    Listed(
        name="mass-order-preview",
        path="/mass-order",
        start="/mass-order",
        then=_send("main form", lines=f"1 | {LINK} | 1000\n987654 | {LINK} | 1\nnonsense"),
    ),
    Listed(name="orders", path="/orders"),
    Listed(name="orders-completed", path="/orders?state=completed"),
    Listed(name="orders-nothing-fits", path="/orders?q=nothing.example"),
    Listed(name="order", path="/orders/1"),
    Listed(name="order-drip-feed", path="/orders/4"),
    Listed(name="order-subscription", path="/orders/16"),
    Listed(name="dashboard", path="/dashboard"),
    Listed(name="dashboard-empty", path="/dashboard?days=7&state=partial", who="other"),
    Listed(name="drip-feeds", path="/drip-feeds"),
    Listed(name="drip-feeds-empty", path="/drip-feeds", who="other"),
    Listed(name="subscriptions", path="/subscriptions"),
    Listed(name="subscriptions-empty", path="/subscriptions", who="other"),
    Listed(name="refills", path="/refills"),
)

_SETTINGS: Final = (
    Listed(name="settings", path="/settings"),
    Listed(name="settings-notices", path="/settings/notices"),
    Listed(name="settings-webhooks", path="/settings/webhooks"),
    Listed(
        name="settings-webhooks-refused",
        path="/settings/webhooks",
        start="/settings/webhooks",
        then=_send("main form", url="nonsense"),
    ),
    Listed(
        name="settings-webhook",
        path="/settings/webhooks/1",
        who="guarded",
        start="/settings/webhooks",
        then=_follow("main a[href^='/settings/webhooks/']"),
    ),
    Listed(name="settings-affiliate", path="/settings/affiliate"),
    Listed(name="notices", path="/notices"),
)

_ERRORS: Final = (
    Listed(name="not-found", path="/no-such-page", is_public=True),
    Listed(
        name="too-often",
        path="/account/password/reset/",
        is_public=True,
        start="/account/password/reset/",
        then=_ask_too_often,
    ),
    Listed(
        name="too-old",
        path="/account/logout/",
        start="/account/logout/",
        then=_without_token,
    ),
)

PAGES: Final = (
    *_ACCOUNT,
    *_PUBLIC,
    *_PRICE_LIST,
    *_API,
    *_DESK,
    *_TICKETS,
    *_FUNDS,
    *_ORDERS,
    *_SETTINGS,
    *_ERRORS,
)
