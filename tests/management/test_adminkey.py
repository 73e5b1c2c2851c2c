from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from relaypanel.accounts import admin_keys
from relaypanel.accounts.models import AdminKey
from tests import cast

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command("adminkey", *words, stdout=out)
    return out.getvalue()


class TestAdminkey:
    def test_prints_a_key_once(self) -> None:
        cast.carol()

        said = run(
            "create", "Anh Tú", "--user", "carol", "--scope", "orders.work", "--service", "18"
        )

        (text,) = re.findall(r"[0-9a-f]{64}", said)
        key = admin_keys.find(text)
        assert key == AdminKey.objects.get()
        listed = run("list")
        assert listed == (
            f"{key.pk} Anh Tú …{text[-4:]} carol live orders.work services 18 used never\n"
        )

    def test_revokes(self) -> None:
        cast.carol()
        run("create", "Bot", "--user", "carol", "--scope", "orders.read")
        key = AdminKey.objects.get()

        assert run("revoke", str(key.pk)).startswith(f"Key {key.pk}, Bot …")
        assert " revoked orders.read used never" in run("list")
        with pytest.raises(CommandError):
            run("revoke", str(key.pk))

    def test_says_what_is_wrong(self) -> None:
        cast.alice()

        with pytest.raises(CommandError, match="not_of_the_staff"):
            run("create", "Bot", "--user", "alice", "--scope", "orders.read")
        with pytest.raises(CommandError, match="no user"):
            run("create", "Bot", "--user", "nobody", "--scope", "orders.read")
