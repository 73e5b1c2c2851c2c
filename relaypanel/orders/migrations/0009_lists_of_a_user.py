from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import OuterRef, Subquery

_OWNED = ("DripFeed", "Refill")


def _take_over_the_user(apps, _schema_editor):
    owner = apps.get_model("orders", "Order").objects.filter(pk=OuterRef("order_id"))
    for name in _OWNED:
        rows = apps.get_model("orders", name).objects.filter(user=None)
        rows.update(user_id=Subquery(owner.values("user_id")[:1]))


def _user(**options):
    return models.ForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        to=settings.AUTH_USER_MODEL,
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0003_auto_refill"),
        ("orders", "0008_desk_lists"),
        ("providers", "0004_logbook"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *(migrations.AddField(name, "user", _user(null=True)) for name in _OWNED),
        migrations.RunPython(_take_over_the_user, migrations.RunPython.noop),
        *(migrations.AlterField(name, "user", _user()) for name in _OWNED),
        migrations.AddIndex(
            "DripFeed", models.Index(fields=("user", "order"), name="drip_feed_list")
        ),
        migrations.AddIndex("Refill", models.Index(fields=("user", "id"), name="refill_list")),
        migrations.RemoveIndex("Order", "order_list_of_a_user"),
        migrations.AddIndex(
            "Order",
            models.Index(fields=("user", "placed_at", "id", "service", "link"), name="order_list"),
        ),
        migrations.AddIndex(
            "Order",
            models.Index(fields=("user", "status", "placed_at", "id"), name="order_tab"),
        ),
        migrations.AddIndex(
            "Order",
            models.Index(
                fields=("user", "id"),
                condition=models.Q(parent=None, type="Subscriptions"),
                name="subscription_list",
            ),
        ),
    ]
