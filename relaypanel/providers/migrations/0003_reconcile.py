from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0002_rate_to_panel"),
    ]

    operations = [
        migrations.AddField(
            model_name="provider",
            name="brackets_ids",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="provider",
            name="key_is_exclusive",
            field=models.BooleanField(default=False),
        ),
    ]
