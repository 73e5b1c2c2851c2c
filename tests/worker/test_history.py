from __future__ import annotations

import asyncio
import typing
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from relaypanel import http
from relaypanel.duties.models import Restoration
from relaypanel.orders import states
from relaypanel.orders.models import Order, OrderEvent, Status
from relaypanel.preflight import CannotStart
from relaypanel.worker import history, loop
from relaypanel.worker.loop import Worker
from tests import cast, family
from tests.orders import scene
from tests.worker.desk import LIMIT_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.STATE_DIR = tmp_path / "state"
    return tmp_path / "state"


def lose_the_last_event() -> OrderEvent:
    event = OrderEvent.objects.order_by("-pk")[0]
    event.delete()
    return event


class TestAdvance:
    def test_goes_on_with_the_database(self) -> None:
        order = scene.order()
        history.advance()
        states.record([order], now=cast.NOW, reason="noted")

        history.advance()

        lose_the_last_event()
        assert history.is_behind()

    def test_writes_only_what_is_new(self, folder: Path) -> None:
        scene.order()
        history.advance()
        [file] = folder.iterdir()
        written = file.stat().st_mtime_ns, file.stat().st_ino

        history.advance()

        assert (file.stat().st_mtime_ns, file.stat().st_ino) == written

    def test_refuses_a_database_that_is_behind(self) -> None:
        scene.order()
        history.advance()
        lose_the_last_event()

        with pytest.raises(history.WentBack, match="run `relaypanel restored`"):
            history.advance()

    def test_refuses_one_that_went_another_way_since(self) -> None:
        order = scene.order()
        history.advance()
        lost = lose_the_last_event()
        OrderEvent.objects.create(
            pk=lost.pk, order=order, at=lost.at + timedelta(microseconds=1), reason="another"
        )

        with pytest.raises(history.WentBack):
            history.advance()

    def test_takes_an_empty_database_under_an_old_name(self) -> None:
        scene.order()
        history.advance()
        Order.objects.all().delete()

        history.advance()

        assert not history.is_behind()

    def test_keeps_a_file_for_each_database(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scene.order()
        history.advance()
        monkeypatch.setitem(connection.settings_dict, "NAME", "another")
        history.advance()

        assert len(list(folder.iterdir())) == 2

    def test_refuses_without_a_place_to_write(self, folder: Path) -> None:
        folder.write_text("not a folder")

        with pytest.raises(CannotStart, match=r"^STATE_DIR: "):
            history.advance()

    def test_refuses_a_place_where_it_cannot_write(self, folder: Path) -> None:
        scene.order()
        history.advance()
        [file] = folder.iterdir()
        file.unlink()
        file.mkdir()
        (file / "in the way").touch()

        with pytest.raises(CannotStart, match=r"^STATE_DIR: "):
            history.begin_anew()

    def test_refuses_what_it_cannot_read(self, folder: Path) -> None:
        scene.order()
        history.advance()
        [file] = folder.iterdir()
        file.write_text("{")

        with pytest.raises(CannotStart, match=r"^STATE_DIR: .* cannot be read"):
            history.advance()


class TestRestoration:
    def test_said_here_makes_the_history_right(self) -> None:
        scene.order()
        history.advance()
        lose_the_last_event()

        history.begin_anew()

        history.advance()

    def test_said_on_another_machine_counts_here(self) -> None:
        scene.order()
        history.advance()
        lose_the_last_event()
        Restoration.objects.create(at=cast.NOW)

        history.advance()

        assert not history.is_behind()

    def test_before_the_backup_counts_no_more(self) -> None:
        scene.order()
        Restoration.objects.create(at=cast.NOW)
        history.advance()
        lose_the_last_event()

        assert history.is_behind()

    def test_that_is_lost_itself_leaves_the_database_behind(self) -> None:
        scene.order()
        restoration = Restoration.objects.create(at=cast.NOW)
        history.advance()
        assert str(restoration).startswith("restored 2026")
        restoration.delete()

        assert history.is_behind()


class TestWorker:
    @pytest.mark.django_db(transaction=True)
    def test_stops_when_the_database_goes_back_under_it(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "EVERY_SECONDS", 0.02)
        scene.order(Status.COMPLETED)

        async def story() -> None:
            worker = Worker(typing.cast("http.Session", None))
            running = asyncio.create_task(worker.run(asyncio.Event()))
            await asyncio.to_thread(family.until, lambda: folder.exists() and any(folder.iterdir()))
            await asyncio.to_thread(lose_the_last_event)
            await asyncio.wait_for(running, LIMIT_SECONDS)

        with pytest.raises(history.WentBack):
            asyncio.run(story())

    @pytest.mark.django_db(transaction=True)
    def test_does_not_start_on_a_database_that_went_back(self) -> None:
        scene.order(Status.COMPLETED)
        history.advance()
        lose_the_last_event()

        with pytest.raises(history.WentBack):
            loop.main()
