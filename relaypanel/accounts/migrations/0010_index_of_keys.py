"""The same index in words that SQLite understands: it read all users to find the one of a key."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_key_of_a_user"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="user",
            name="an_api_key_opens_one_door",
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                condition=models.Q(("api_key_hmac__isnull", False)),
                fields=("api_key_hmac",),
                name="an_api_key_opens_one_door",
            ),
        ),
    ]
