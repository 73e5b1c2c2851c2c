from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0003_orders_for_staff"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="may_be_upstream",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="orderevent",
            index=models.Index(
                condition=models.Q(("to_status", "sending")),
                fields=["at"],
                name="event_of_a_sending",
            ),
        ),
        migrations.AddIndex(
            model_name="orderevent",
            index=models.Index(
                condition=models.Q(("from_status", "unconfirmed")),
                fields=["at"],
                name="event_after_unconfirmed",
            ),
        ),
    ]
