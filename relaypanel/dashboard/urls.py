"""Every page of the shop.  A group of pages is a module and a folder of templates of its name."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from relaypanel.dashboard import (
    affiliate,
    api,
    found,
    funds,
    gateway,
    home,
    mass_order,
    new_order,
    notices,
    orders,
    preferences,
    price_list,
    profile,
    public,
    security,
    series,
    statement,
    tickets,
    webhooks,
)
from relaypanel.look import numbers  # noqa: F401  paths name their rows by its <id:…>

app_name = "dashboard"

_api: list[URLPattern | URLResolver] = [
    path("api", api.page, name="api"),
    path("api/key", api.reveal, name="api-reveal"),
    path("api/key/new", api.rotate, name="api-rotate"),
    path("api/addresses", api.allow, name="api-allow"),
    path("api/try", api.console, name="api-console"),
]

_tickets: list[URLPattern | URLResolver] = [
    path("tickets", tickets.listed, name="tickets"),
    path("tickets/new", tickets.new, name="ticket-new"),
    path("tickets/<id:ticket_id>", tickets.page, name="ticket"),
    path("tickets/<id:ticket_id>/thread", tickets.live, name="ticket-live"),
    path("tickets/<id:ticket_id>/answer", tickets.answer, name="ticket-answer"),
    path("tickets/<id:ticket_id>/close", tickets.close, name="ticket-close"),
]

_public: list[URLPattern | URLResolver] = [
    path("", public.landing, name="landing"),
    path("faq", public.faq, name="faq"),
    path("terms", public.terms, name="terms"),
]

_security: list[URLPattern | URLResolver] = [
    path("settings/security", security.overview, name="security"),
    path("settings/security/history", security.history, name="security-history"),
]

_price_list: list[URLPattern | URLResolver] = [
    path("services", price_list.services, name="services"),
    path("services/<id:service_id>/favourite", price_list.favourite, name="favourite"),
    path("updates", price_list.updates, name="updates"),
]

_orders: list[URLPattern | URLResolver] = [
    path("new-order", new_order.page, name="new-order"),
    path("new-order/quote", new_order.quote, name="new-order-quote"),
    path("mass-order", mass_order.page, name="mass-order"),
    path("drip-feeds", series.drip_feeds, name="drip-feeds"),
    path("drip-feeds/<id:order_id>/pause", series.pause, name="drip-feed-pause"),
    path("drip-feeds/<id:order_id>/resume", series.resume, name="drip-feed-resume"),
    path("drip-feeds/<id:order_id>/stop", series.stop, name="drip-feed-stop"),
    path("subscriptions", series.subscriptions, name="subscriptions"),
    path("refills", series.refills, name="refills"),
    path("orders", orders.page, name="orders"),
    path("orders/export.csv", orders.export, name="orders-export"),
    path("orders/<id:order_id>", orders.one, name="order"),
    path("orders/<id:order_id>/cancel", orders.cancel, name="order-cancel"),
    path("orders/<id:order_id>/refill", orders.refill, name="order-refill"),
]

_home: list[URLPattern | URLResolver] = [
    path("dashboard", home.page, name="home"),
]

_everywhere: list[URLPattern | URLResolver] = [
    path("search", found.page, name="search"),
    path("language", preferences.language, name="language"),
    path("theme", preferences.theme, name="theme"),
    path("hue/<id:degrees>.css", preferences.hue, name="hue"),
    path("logo/<slug:name>.webp", preferences.logo, name="logo"),
]

_funds: list[URLPattern | URLResolver] = [
    path("funds", funds.page, name="funds"),
    path("funds/topups", funds.ask, name="topups"),
    path("funds/<id:topup_id>", funds.instructions, name="topup"),
    path("funds/<id:topup_id>/code.svg", funds.code, name="topup-code"),
    path("funds/<id:topup_id>/paid", funds.say_paid, name="topup-paid"),
    path("funds/<id:topup_id>/cancel", funds.cancel, name="topup-cancel"),
    path("funds/statement", statement.page, name="statement"),
    path("funds/statement.csv", statement.export, name="statement-csv"),
]

_settings: list[URLPattern | URLResolver] = [
    path("settings", profile.page, name="settings"),
    path("settings/notices", notices.choose, name="notice-choices"),
    path("settings/webhooks", webhooks.page, name="webhooks"),
    path("settings/webhooks/<id:endpoint_id>", webhooks.one, name="webhook"),
    path("settings/webhooks/<id:endpoint_id>/change", webhooks.change, name="webhook-change"),
    path("settings/webhooks/<id:endpoint_id>/act", webhooks.act, name="webhook-act"),
    path(
        "settings/webhooks/<id:endpoint_id>/deliveries/<id:delivery_id>",
        webhooks.replay,
        name="webhook-replay",
    ),
    path("settings/affiliate", affiliate.page, name="affiliate"),
    path("r/<slug:code>", affiliate.referred, name="referred"),
    path("notices", notices.page, name="notices"),
    path("notices/read", notices.read, name="notices-read"),
]

_for_machines: list[URLPattern | URLResolver] = [
    # Any number: a gateway hears in JSON, and not from a page, that there is no such method.
    path("payments/hooks/<int:method_id>", gateway.receive, name="gateway"),
]

urlpatterns = [
    *_public,
    *_price_list,
    *_security,
    *_api,
    *_tickets,
    *_home,
    *_orders,
    *_everywhere,
    *_funds,
    *_settings,
    *_for_machines,
]
