"""Transfers stay as written, and the house accounts exist."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

HOUSES = (-1, -2, -3)

SQLITE = (
    """
    CREATE TRIGGER transfer_is_not_changed BEFORE UPDATE ON ledger_transfer
    BEGIN SELECT RAISE(ABORT, 'a transfer stays as written'); END
    """,
    """
    CREATE TRIGGER transfer_is_not_removed BEFORE DELETE ON ledger_transfer
    BEGIN SELECT RAISE(ABORT, 'a transfer stays as written'); END
    """,
)
SQLITE_REVERSE = (
    "DROP TRIGGER transfer_is_not_changed",
    "DROP TRIGGER transfer_is_not_removed",
)

POSTGRESQL = (
    # The same kind of error as SQLite's: Django makes both an IntegrityError.
    """
    CREATE FUNCTION transfer_stays_as_written() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a transfer stays as written' USING ERRCODE = 'restrict_violation';
    END
    $$
    """,
    """
    CREATE TRIGGER transfer_is_not_changed BEFORE UPDATE OR DELETE ON ledger_transfer
    FOR EACH ROW EXECUTE FUNCTION transfer_stays_as_written()
    """,
    """
    CREATE TRIGGER transfers_are_not_emptied BEFORE TRUNCATE ON ledger_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION transfer_stays_as_written()
    """,
)
POSTGRESQL_REVERSE = (
    "DROP TRIGGER transfers_are_not_emptied ON ledger_transfer",
    "DROP TRIGGER transfer_is_not_changed ON ledger_transfer",
    "DROP FUNCTION transfer_stays_as_written()",
)

FORWARD = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
BACKWARD = {"sqlite": SQLITE_REVERSE, "postgresql": POSTGRESQL_REVERSE}


def forbid_changes(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in FORWARD[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def allow_changes(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in BACKWARD[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def open_houses(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    account = apps.get_model("ledger", "Account")
    account.objects.bulk_create((account(pk=house) for house in HOUSES), ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [
        # The way back leaves the house accounts: transfers may name them by then.
        migrations.RunPython(open_houses, migrations.RunPython.noop),
        migrations.RunPython(forbid_changes, allow_changes),
    ]
