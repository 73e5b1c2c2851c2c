"""A route may have a ceiling: what it may cost at most."""

from importlib import import_module

from django.db import migrations, models

# SQLite may make the table anew, without the triggers that tell of its changes.
watch = import_module("relaypanel.catalogue.migrations.0006_editions").watch


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0006_editions"),
        ("providers", "0004_logbook"),
    ]

    operations = [
        migrations.AddField(
            model_name="route",
            name="cost_max_e8",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.RunPython(watch, migrations.RunPython.noop),
    ]
