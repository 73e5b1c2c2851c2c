"""Every page of the desk.  Each line says which section it belongs to; gate.py keeps it."""

from __future__ import annotations

from relaypanel.accounts.models import Section
from relaypanel.staff import audit_log, home
from relaypanel.staff.gate import page

app_name = "staff"

_home = [
    page("staff", home.page, name="home", section=None),
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
    *_audit_log,
    *_absent,
]
