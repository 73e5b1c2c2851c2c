from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from relaypanel import errors
from relaypanel.accounts import admin_keys
from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import (
    AdminKey,
    AuditEntry,
    Role,
    Scope,
    Section,
    StaffRight,
    StaffRole,
    User,
)
from tests import cast
from tests.cast import NOW

pytestmark = pytest.mark.django_db


def issue(user: User | None = None, **said: Any) -> tuple[AdminKey, str]:
    asked: dict[str, Any] = {"name": " A  bot ", "scopes": [Scope.ORDERS_READ]}
    asked |= {"user": user or cast.carol().user, "by": CONSOLE, "now": NOW} | said
    return admin_keys.issue(**asked)


class TestIssue:
    def test_keeps_nothing_that_yields_the_key(self) -> None:
        key, text = issue(service_ids=[7, 3])

        row = AdminKey.objects.values().get()
        assert admin_keys.find(text) == key
        assert (row["name"], row["last_four"], row["service_ids"]) == ("A bot", text[-4:], [3, 7])
        assert text not in str(row)
        assert text.encode() not in bytes(row["key_hmac"])
        entry = AuditEntry.objects.get()
        assert (entry.act, entry.subject_id) == ("admin_api.issue", str(key.pk))
        assert text not in str(entry.after)

    @pytest.mark.parametrize(
        ("said", "refusal"),
        [
            ({"name": " "}, admin_keys.BadKeyName),
            ({"name": "x" * 61}, admin_keys.BadKeyName),
            ({"scopes": []}, admin_keys.NoScopes),
        ],
    )
    def test_is_refused(self, said: dict[str, Any], refusal: type[errors.Refused]) -> None:
        with pytest.raises(refusal):
            issue(**said)

    def test_is_not_for_customers(self) -> None:
        with pytest.raises(admin_keys.NotOfTheStaff):
            issue(cast.alice().user)


class TestRevoke:
    def test_is_done_once(self) -> None:
        key, text = issue()

        admin_keys.revoke(key.pk, by=CONSOLE, now=NOW)

        assert admin_keys.find(text) is None
        for key_id in (key.pk, 999):
            with pytest.raises(admin_keys.NoSuchAdminKey):
                admin_keys.revoke(key_id, by=CONSOLE, now=NOW)
        assert [entry.act for entry in AuditEntry.objects.order_by("pk")] == [
            "admin_api.issue",
            "admin_api.revoke",
        ]


class TestOpens:
    def test_is_bounded_by_the_rights_of_its_user(self) -> None:
        carol = cast.carol().user
        role = StaffRole.objects.create(name="Looks at orders")
        StaffRight.objects.create(role=role, section=Section.ORDERS, may_edit=False)
        User.objects.filter(pk=carol.pk).update(staff_role=role)
        carol.refresh_from_db()
        key, _ = issue(carol, scopes=list(Scope))

        assert [scope for scope in Scope if admin_keys.opens(key, scope)] == [Scope.ORDERS_READ]
        assert not admin_keys.shows_money(key)

    def test_is_bounded_by_its_scopes(self) -> None:
        carol = cast.carol().user
        User.objects.filter(pk=carol.pk).update(role=Role.OWNER)
        carol.refresh_from_db()
        key, _ = issue(carol)
        supplier, _ = issue(carol, service_ids=[3])

        assert [scope for scope in Scope if admin_keys.opens(key, scope)] == [Scope.ORDERS_READ]
        assert admin_keys.shows_money(key)
        assert not admin_keys.shows_money(supplier)

    def test_ends_when_its_user_becomes_a_customer(self) -> None:
        key, text = issue()
        User.objects.filter(pk=key.user_id).update(role=Role.CUSTOMER)

        assert admin_keys.find(text) is None


class TestTouch:
    def test_writes_once_a_minute(self) -> None:
        key, _ = issue()

        for seconds in (0, 59):
            now = NOW + timedelta(seconds=seconds)
            admin_keys.touch(key, address="203.0.113.9", now=now)

        key.refresh_from_db()
        assert (key.last_used_at, key.last_used_from) == (NOW, "203.0.113.9")
