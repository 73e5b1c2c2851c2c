"""Every page of the desk.  Each line says which section it belongs to; gate.py keeps it."""

from __future__ import annotations

from relaypanel.accounts.models import Section
from relaypanel.staff import audit_log, home, orders, waiting
from relaypanel.staff.gate import page

app_name = "staff"

_home = [
    page("staff", home.page, name="home", section=None),
]

_ORDERS = Section.ORDERS

_orders = [
    page("staff/orders", orders.page, name="orders", section=_ORDERS),
    page("staff/orders/find", orders.find, name="orders-find", section=_ORDERS),
    page("staff/orders/act", orders.act, name="orders-act", section=_ORDERS),
    page("staff/orders/<int:order_id>", orders.one, name="order", section=_ORDERS),
    page(
        "staff/orders/<int:order_id>/link", orders.change_link, name="order-link", section=_ORDERS
    ),
]

_waiting = [
    page("staff/unconfirmed", waiting.unclear, name="unconfirmed", section=_ORDERS),
    page("staff/unconfirmed/<int:order_id>/attach", waiting.attach, name="attach", section=_ORDERS),
    page(
        "staff/unconfirmed/<int:order_id>/requeue", waiting.requeue, name="requeue", section=_ORDERS
    ),
    page("staff/unconfirmed/<int:order_id>/refund", waiting.refund, name="refund", section=_ORDERS),
    page("staff/cancels", waiting.cancels, name="cancels", section=_ORDERS),
    page("staff/cancels/<int:request_id>", waiting.decide_cancel, name="cancel", section=_ORDERS),
    page("staff/refills", waiting.refills, name="refills", section=_ORDERS),
    page("staff/refills/<int:refill_id>", waiting.decide_refill, name="refill", section=_ORDERS),
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
    *_audit_log,
    *_absent,
]
