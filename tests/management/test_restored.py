from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from relaypanel.duties.models import Restoration
from relaypanel.orders.models import OrderEvent, Status
from relaypanel.worker import history
from tests.orders import scene

# The command looks at the migrations first, for which it closes all connections.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> None:
    settings.STATE_DIR = tmp_path


def restored(*options: str) -> str:
    output = StringIO()
    call_command("restored", *options, stdout=output)
    return output.getvalue()


class TestRestored:
    def test_holds_what_waits_and_lets_workers_start(self) -> None:
        order = scene.order(Status.QUEUED)
        scene.order(Status.SENDING)
        history.advance()
        OrderEvent.objects.order_by("-pk")[0].delete()

        said = restored()

        assert said.startswith("1 orders that waited are held now, and 1 are unconfirmed.")
        assert scene.again(order).status == Status.HELD
        assert Restoration.objects.count() == 1
        history.advance()

    def test_does_nothing_when_nothing_was_lost(self) -> None:
        order = scene.order(Status.QUEUED)
        history.advance()

        with pytest.raises(CommandError, match="add --anyway"):
            restored()

        assert scene.again(order).status == Status.QUEUED
        assert not Restoration.objects.exists()

    def test_holds_all_the_same_on_the_owners_word(self) -> None:
        order = scene.order(Status.QUEUED)
        history.advance()

        restored("--anyway")

        assert scene.again(order).status == Status.HELD
