"""The catalogue has a new number after each change of it, whoever makes the change."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# What a price list and an offer are made of.
TABLES = ("platform", "category", "service", "route", "userrate", "discount")
# The other columns of these change all day long, and are nobody's price.
COLUMNS = (
    ("providers_provider", "enabled"),
    ("providers_provider", "rate_to_panel_e8"),
    ("providers_upstreamservice", "rate_e8"),
    ("providers_upstreamservice", "type"),
)
EVENTS = ("insert", "update", "delete")

# In PostgreSQL a mark that everybody updated would be a lock that everybody waits for, and with
# the locks of the change itself a way into a deadlock.  So each change adds a mark, and takes an
# old one away that nobody else is taking away.
POSTGRESQL_FUNCTION = """
    CREATE OR REPLACE FUNCTION catalogue_has_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO catalogue_editionmark (number) VALUES ((random() * 2::float8 ^ 62)::bigint);
        DELETE FROM catalogue_editionmark WHERE id IN (
            SELECT id FROM catalogue_editionmark ORDER BY id DESC OFFSET 32
            FOR UPDATE SKIP LOCKED
        );
        RETURN NULL;
    END
    $$
"""


def watch(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make the triggers.  A migration that alters one of the tables does this again at its end:
    SQLite makes a table anew to alter it, without its triggers."""
    vendor = schema_editor.connection.vendor
    for statement in _sqlite() if vendor == "sqlite" else _postgresql():
        schema_editor.execute(statement)


def unwatch(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION catalogue_has_changed() CASCADE")
        return
    for table in TABLES:
        for event in EVENTS:
            schema_editor.execute(f"DROP TRIGGER catalogue_{table}_{event}")
    for table, column in COLUMNS:
        schema_editor.execute(f"DROP TRIGGER {table}_{column}")


def first_mark(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("catalogue", "EditionMark").objects.create(number=0)


def _postgresql() -> list[str]:
    run = "EXECUTE FUNCTION catalogue_has_changed()"
    return [
        POSTGRESQL_FUNCTION,
        *(
            f"CREATE OR REPLACE TRIGGER catalogue_{table}_changes"
            f" AFTER INSERT OR UPDATE OR DELETE ON catalogue_{table} FOR EACH STATEMENT {run}"
            for table in TABLES
        ),
        *(
            f"CREATE OR REPLACE TRIGGER {table}_{column} AFTER UPDATE ON {table} FOR EACH ROW"
            f" WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) {run}"
            for table, column in COLUMNS
        ),
    ]


def _sqlite() -> list[str]:
    run = "BEGIN UPDATE catalogue_editionmark SET number = random(); END"
    return [
        *(
            f"CREATE TRIGGER IF NOT EXISTS catalogue_{table}_{event}"
            f" AFTER {event.upper()} ON catalogue_{table} {run}"
            for table in TABLES
            for event in EVENTS
        ),
        *(
            f"CREATE TRIGGER IF NOT EXISTS {table}_{column} AFTER UPDATE ON {table}"
            f" WHEN OLD.{column} IS NOT NEW.{column} {run}"
            for table, column in COLUMNS
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0005_speed"),
        ("providers", "0004_logbook"),
    ]

    operations = [
        migrations.CreateModel(
            name="EditionMark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.BigIntegerField()),
            ],
        ),
        migrations.RunPython(first_mark, migrations.RunPython.noop),
        migrations.RunPython(watch, unwatch),
    ]
