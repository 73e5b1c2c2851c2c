"""Nobody looks for movements by how their keys begin, so that PostgreSQL need not index that.

Django makes such an index beside the one of every unique text, and SQLite knows none.
"""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

INDEX = "ledger_transfer_key_451b4b01_like"


def drop(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX IF EXISTS {INDEX}")


def create(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"CREATE INDEX {INDEX} ON ledger_transfer (key varchar_pattern_ops)")


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0005_spending"),
    ]

    operations = [migrations.RunPython(drop, create)]
