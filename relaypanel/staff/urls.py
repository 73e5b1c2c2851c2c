"""Every page of the desk.  Each line says which section it belongs to; gate.py keeps it."""

from __future__ import annotations

from relaypanel.accounts.models import Section
from relaypanel.look import numbers  # noqa: F401  paths name their rows by its <id:…>
from relaypanel.staff import (
    act_as,
    admin_keys,
    audit_log,
    books,
    catalogue,
    home,
    methods,
    orders,
    overview,
    price_lists,
    providers,
    roles,
    set_up,
    settings,
    shelves,
    tickets,
    topups,
    users,
    waiting,
)
from relaypanel.staff.gate import page

app_name = "staff"

_home = [
    page("staff", home.page, name="home", section=None),
    page("staff/overview", overview.page, name="overview", section=Section.OVERVIEW),
]

_ORDERS = Section.ORDERS

_orders = [
    page("staff/orders", orders.page, name="orders", section=_ORDERS),
    page("staff/orders/find", orders.find, name="orders-find", section=_ORDERS),
    page("staff/orders/act", orders.act, name="orders-act", section=_ORDERS),
    page("staff/orders/<id:order_id>", orders.one, name="order", section=_ORDERS),
    page("staff/orders/<id:order_id>/link", orders.change_link, name="order-link", section=_ORDERS),
]

_waiting = [
    page("staff/unconfirmed", waiting.unclear, name="unconfirmed", section=_ORDERS),
    page("staff/unconfirmed/<id:order_id>/attach", waiting.attach, name="attach", section=_ORDERS),
    page(
        "staff/unconfirmed/<id:order_id>/requeue", waiting.requeue, name="requeue", section=_ORDERS
    ),
    page("staff/unconfirmed/<id:order_id>/refund", waiting.refund, name="refund", section=_ORDERS),
    page("staff/cancels", waiting.cancels, name="cancels", section=_ORDERS),
    page("staff/cancels/<id:request_id>", waiting.decide_cancel, name="cancel", section=_ORDERS),
    page("staff/refills", waiting.refills, name="refills", section=_ORDERS),
    page("staff/refills/<id:refill_id>", waiting.decide_refill, name="refill", section=_ORDERS),
]

_USERS = Section.USERS
_USER = "staff/users/<id:user_id>"

_users = [
    page("staff/users", users.page, name="users", section=_USERS),
    page("staff/users/new", users.new, name="user-new", section=_USERS),
    page(_USER, users.one, name="user", section=_USERS),
    page(f"{_USER}/suspend", users.suspend, name="user-suspend", section=_USERS),
    page(f"{_USER}/resume", users.resume, name="user-resume", section=_USERS),
    page(f"{_USER}/key", users.new_key, name="user-key", section=_USERS, fresh=True),
    page(f"{_USER}/limit", users.limit, name="user-limit", section=_USERS),
    page(f"{_USER}/role", users.appoint, name="user-role", section=_USERS, fresh=True),
    page(f"{_USER}/act-as", act_as.begin, name="act-as", section=_USERS, fresh=True),
    page("staff/act-as/end", act_as.end, name="act-as-end", section=None),
]

_MONEY = Section.MONEY

_money = [
    page(f"{_USER}/discount", users.discount, name="user-discount", section=_MONEY),
    page(f"{_USER}/rate", users.rate, name="user-rate", section=_MONEY),
    page(f"{_USER}/rates/copy", users.copy_rates, name="user-rates-copy", section=_MONEY),
    page(f"{_USER}/rates/reset", users.reset_rates, name="user-rates-reset", section=_MONEY),
    page(
        f"{_USER}/adjustment", users.adjustment, name="user-adjustment", section=_MONEY, fresh=True
    ),
    page(
        "staff/adjustments/<id:adjustment_id>",
        users.decide_adjustment,
        name="adjustment",
        section=_MONEY,
        fresh=True,
    ),
]

_topups = [
    page("staff/topups", topups.page, name="topups", section=_MONEY),
    page("staff/payment-methods", methods.page, name="methods", section=_MONEY),
    page("staff/payment-methods/new", methods.new, name="method-new", section=_MONEY, fresh=True),
    page(
        "staff/payment-methods/<id:method_id>",
        methods.one,
        name="method",
        section=_MONEY,
        fresh=True,
    ),
    page(
        "staff/payment-methods/<id:method_id>/move",
        methods.move,
        name="method-move",
        section=_MONEY,
    ),
    page(
        "staff/payment-methods/<id:method_id>/secret",
        methods.renew_secret,
        name="method-secret",
        section=_MONEY,
        fresh=True,
    ),
    page("staff/topups/<id:topup_id>", topups.one, name="topup", section=_MONEY),
    page(
        "staff/topups/<id:topup_id>/confirm",
        topups.confirm,
        name="topup-confirm",
        section=_MONEY,
        fresh=True,
    ),
    page("staff/topups/<id:topup_id>/reject", topups.reject, name="topup-reject", section=_MONEY),
]

_books = [
    page("staff/books", books.movements, name="books", section=_MONEY),
    page("staff/books/csv", books.export, name="books-csv", section=_MONEY),
    page("staff/books/days", books.days, name="books-days", section=_MONEY),
    page("staff/books/days/csv", books.export_days, name="books-days-csv", section=_MONEY),
    page("staff/books/proofs", books.proofs, name="books-proofs", section=_MONEY),
]

_CATALOGUE = Section.CATALOGUE

_catalogue = [
    page("staff/services", catalogue.page, name="services", section=_CATALOGUE),
    page("staff/services/bulk", catalogue.bulk, name="services-bulk", section=_CATALOGUE),
    page("staff/services/new", catalogue.new, name="service-new", section=_CATALOGUE),
    page("staff/services/<id:service_id>", catalogue.one, name="service", section=_CATALOGUE),
    page(
        "staff/services/<id:service_id>/change",
        catalogue.change,
        name="service-change",
        section=_CATALOGUE,
    ),
    page(
        "staff/services/<id:service_id>/routes",
        catalogue.add_route,
        name="route-add",
        section=_CATALOGUE,
    ),
    page(
        "staff/services/<id:service_id>/routes/<id:route_id>",
        catalogue.act_on_route,
        name="route",
        section=_CATALOGUE,
    ),
    page("staff/categories", shelves.page, name="shelves", section=_CATALOGUE),
    page("staff/categories/order", shelves.arrange, name="shelves-order", section=_CATALOGUE),
    page("staff/categories/add", shelves.add, name="shelf-add", section=_CATALOGUE),
    page(
        "staff/categories/<id:category_id>/services",
        shelves.services,
        name="shelf-services",
        section=_CATALOGUE,
    ),
    page(
        "staff/categories/<slug:kind>/<id:shelf_id>/order",
        shelves.arrange,
        name="shelf-order",
        section=_CATALOGUE,
    ),
    page(
        "staff/categories/<slug:kind>/<id:shelf_id>", shelves.act, name="shelf", section=_CATALOGUE
    ),
]

_PROVIDERS = Section.PROVIDERS
_PROVIDER = "staff/providers/<id:provider_id>"

_providers = [
    page("staff/providers", providers.page, name="providers", section=_PROVIDERS),
    page("staff/providers/add", providers.add, name="provider-add", section=_PROVIDERS, fresh=True),
    page(_PROVIDER, providers.detail, name="provider", section=_PROVIDERS),
    page(
        f"{_PROVIDER}/change",
        providers.change,
        name="provider-change",
        section=_PROVIDERS,
        fresh=True,
    ),
    page(
        f"{_PROVIDER}/key", providers.set_key, name="provider-key", section=_PROVIDERS, fresh=True
    ),
    page(
        f"{_PROVIDER}/terms",
        providers.set_terms,
        name="provider-terms",
        section=_PROVIDERS,
        fresh=True,
    ),
    page(f"{_PROVIDER}/pause", providers.pause, name="provider-pause", section=_PROVIDERS),
    page(f"{_PROVIDER}/resume", providers.resume, name="provider-resume", section=_PROVIDERS),
]

_price_lists = [
    page(
        f"{_PROVIDER}/import",
        price_lists.pick_services,
        name="price-list-import",
        section=_PROVIDERS,
    ),
    page(f"{_PROVIDER}/price-list", price_lists.syncs, name="price-list", section=_PROVIDERS),
    page(
        f"{_PROVIDER}/price-list/fetch",
        price_lists.fetch,
        name="price-list-fetch",
        section=_PROVIDERS,
    ),
    page(
        f"{_PROVIDER}/price-list/<id:sync_id>/undo",
        price_lists.undo_sync,
        name="price-list-undo",
        section=_PROVIDERS,
    ),
    page(f"{_PROVIDER}/rules", price_lists.set_rule, name="price-list-rule", section=_PROVIDERS),
    page(
        f"{_PROVIDER}/rules/remove",
        price_lists.remove_rule,
        name="price-list-rule-remove",
        section=_PROVIDERS,
    ),
    page("staff/price-changes", price_lists.waiting, name="quarantine", section=_PROVIDERS),
    page(
        "staff/price-changes/approve",
        price_lists.approve,
        name="quarantine-approve",
        section=_PROVIDERS,
    ),
    page(
        "staff/price-changes/reject",
        price_lists.reject,
        name="quarantine-reject",
        section=_PROVIDERS,
    ),
]

_SETTINGS = Section.SETTINGS

_settings = [
    page("staff/settings", settings.page, name="settings", section=_SETTINGS),
    page("staff/settings/texts", settings.words, name="words", section=_SETTINGS),
    page("staff/settings/news", settings.news, name="news", section=_SETTINGS),
    page(
        "staff/settings/news/<id:announcement_id>/down",
        settings.take_down,
        name="news-take-down",
        section=_SETTINGS,
    ),
    page(
        "staff/settings/news/<id:announcement_id>",
        settings.change_news,
        name="news-change",
        section=_SETTINGS,
    ),
    page("staff/settings/logo", settings.logo, name="logo", section=_SETTINGS),
    page("staff/settings/keys", admin_keys.page, name="admin-keys", section=_SETTINGS, fresh=True),
    page(
        "staff/settings/keys/<id:key_id>/revoke",
        admin_keys.revoke,
        name="admin-key-revoke",
        section=_SETTINGS,
        fresh=True,
    ),
    page("staff/settings/roles", roles.page, name="roles", section=_SETTINGS),
    page(
        "staff/settings/roles/<id:role_id>", roles.save, name="role", section=_SETTINGS, fresh=True
    ),
    page(
        "staff/settings/roles/<id:role_id>/remove",
        roles.remove,
        name="role-remove",
        section=_SETTINGS,
        fresh=True,
    ),
    page("staff/first-steps", set_up.page, name="set-up", section=_SETTINGS),
]

_TICKETS = Section.TICKETS

_tickets = [
    page("staff/tickets", tickets.page, name="tickets", section=_TICKETS),
    page("staff/tickets/close", tickets.close, name="tickets-close", section=_TICKETS),
    page("staff/tickets/templates", tickets.templates, name="ticket-templates", section=_TICKETS),
    page(
        "staff/tickets/templates/keep",
        tickets.keep_template,
        name="ticket-template",
        section=_TICKETS,
    ),
    page("staff/tickets/<id:ticket_id>", tickets.one, name="ticket", section=_TICKETS),
    page(
        "staff/tickets/<id:ticket_id>/answer",
        tickets.answer,
        name="ticket-answer",
        section=_TICKETS,
    ),
    page(
        "staff/tickets/<id:ticket_id>/assign",
        tickets.assign,
        name="ticket-assign",
        section=_TICKETS,
    ),
]

_audit_log = [
    page("staff/audit-log", audit_log.page, name="audit-log", section=Section.AUDIT_LOG),
]

# Last: whoever is not signed in cannot tell an absent page of the desk from one that is there.
_absent = [
    page("staff/<path:rest>", home.absent, name="absent", section=None),
]

urlpatterns = [
    *_home,
    *_orders,
    *_waiting,
    *_users,
    *_money,
    *_topups,
    *_books,
    *_catalogue,
    *_providers,
    *_price_lists,
    *_settings,
    *_tickets,
    *_audit_log,
    *_absent,
]
