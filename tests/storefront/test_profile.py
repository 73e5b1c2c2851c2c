from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings

from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import AuditEntry
from relaypanel.storefront import profile
from tests import cast

pytestmark = pytest.mark.django_db


def save(**changes: Any) -> None:
    profile.save(wanted=replace(profile.current(), **changes), by=CONSOLE, now=cast.NOW)


class TestProfile:
    def test_begins_as_the_settings_say(self) -> None:
        assert profile.current().shown_name == settings.PANEL_NAME
        assert profile.current().sign_up_is_open

    def test_is_kept_shown_and_logged(self) -> None:
        profile.forget()
        assert profile.shown() == profile.current()

        save(name="Nova", hue=20)

        assert profile.shown().shown_name == "Nova"
        entry = AuditEntry.objects.get()
        assert (entry.before["name"], entry.after["name"]) == ("", "Nova")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", "x" * 41),
            ("hue", 360),
            ("hue", -1),
            ("closed_words", "x" * 301),
            ("adjust_alone_max_e8", -1),
        ],
    )
    def test_refuses_what_cannot_be(self, field: str, value: object) -> None:
        before = profile.current()

        with pytest.raises(profile.BadProfile) as refused:
            save(**{field: value})

        assert refused.value.field == field
        assert profile.current() == before
