"""Entries of the audit log stay as written, and a new panel has staff roles to begin with."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SQLITE = (
    """
    CREATE TRIGGER audit_entry_is_not_changed BEFORE UPDATE ON accounts_auditentry
    BEGIN SELECT RAISE(ABORT, 'an audit entry stays as written'); END
    """,
    """
    CREATE TRIGGER audit_entry_is_not_removed BEFORE DELETE ON accounts_auditentry
    BEGIN SELECT RAISE(ABORT, 'an audit entry stays as written'); END
    """,
)
SQLITE_REVERSE = (
    "DROP TRIGGER audit_entry_is_not_changed",
    "DROP TRIGGER audit_entry_is_not_removed",
)

POSTGRESQL = (
    # The same kind of error as SQLite's: Django makes both an IntegrityError.
    """
    CREATE FUNCTION audit_entry_stays_as_written() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'an audit entry stays as written' USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    """
    CREATE TRIGGER audit_entry_is_not_changed BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_entry_stays_as_written()
    """,
    """
    CREATE TRIGGER audit_entries_are_not_emptied BEFORE TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_stays_as_written()
    """,
)
POSTGRESQL_REVERSE = (
    "DROP TRIGGER audit_entries_are_not_emptied ON accounts_auditentry",
    "DROP TRIGGER audit_entry_is_not_changed ON accounts_auditentry",
    "DROP FUNCTION audit_entry_stays_as_written()",
)

FORWARD = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
BACKWARD = {"sqlite": SQLITE_REVERSE, "postgresql": POSTGRESQL_REVERSE}

# A section, and whether it may be changed.
ROLES = {
    "Manager": {
        "overview": False,
        "orders": True,
        "catalogue": True,
        "providers": True,
        "users": True,
        "money": True,
        "tickets": True,
        "settings": False,
        "audit_log": False,
    },
    "Support": {"orders": True, "users": False, "tickets": True},
    "Accountant": {"overview": False, "orders": False, "users": False, "money": True},
}


def forbid_changes(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in FORWARD[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def allow_changes(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in BACKWARD[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def make_roles(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    role_model = apps.get_model("accounts", "StaffRole")
    right_model = apps.get_model("accounts", "StaffRight")
    for name, rights in ROLES.items():
        role = role_model.objects.create(name=name)
        right_model.objects.bulk_create(
            right_model(role=role, section=section, may_edit=may_edit)
            for section, may_edit in rights.items()
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_staff_and_audit_log")]

    operations = [
        # The way back leaves the roles: members of staff may have them by then.
        migrations.RunPython(make_roles, migrations.RunPython.noop),
        migrations.RunPython(forbid_changes, allow_changes),
    ]
