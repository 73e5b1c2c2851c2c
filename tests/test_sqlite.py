from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db.backends.sqlite3.base import SQLiteCursorWrapper

from relaypanel import sqlite

WRITE = "INSERT INTO line (text) VALUES ('mine')"

Write = Callable[[sqlite.Connection], Any]
OnSleep = Callable[[Callable[[float], object]], None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "panel.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE line (text TEXT)")
    connection.close()
    return file


@pytest.fixture
def other(file: Path) -> sqlite.Connection:
    """Somebody who has begun to write."""
    other = opened(file)
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO line (text) VALUES ('theirs')")
    return other


@pytest.fixture
def on_sleep(monkeypatch: pytest.MonkeyPatch) -> OnSleep:
    """Say what happens instead, each time that somebody who waits would sleep.

    Nobody else's sleep is touched: threads of other tests may be about.
    """
    return lambda instead: monkeypatch.setattr(sqlite, "time", SimpleNamespace(sleep=instead))


@pytest.fixture
def asked_again(on_sleep: OnSleep) -> list[float]:
    """Whoever waits sleeps no time; each time that they would is added."""
    pauses: list[float] = []
    on_sleep(pauses.append)
    return pauses


def opened(file: Path, *, timeout: float = 20) -> sqlite.Connection:
    return sqlite.Connection(file, timeout=timeout, isolation_level=None, check_same_thread=False)


def lines(file: Path) -> list[str]:
    return [text for (text,) in opened(file).execute("SELECT text FROM line ORDER BY rowid")]


class TestConnection:
    @pytest.mark.parametrize(
        "write",
        [
            lambda mine: mine.execute(WRITE),
            lambda mine: mine.cursor().execute(WRITE),
            lambda mine: mine.cursor(factory=SQLiteCursorWrapper).execute(WRITE),
            lambda mine: mine.cursor(factory=SQLiteCursorWrapper).execute(
                "INSERT INTO line (text) VALUES (%s)", ["mine"]
            ),
        ],
        ids=["connection", "cursor", "django", "django, with values"],
    )
    def test_waits_until_the_other_has_written(
        self,
        write: Write,
        file: Path,
        other: sqlite.Connection,
        on_sleep: OnSleep,
    ) -> None:
        on_sleep(lambda _: other.commit())

        write(opened(file))

        assert lines(file) == ["theirs", "mine"]
        assert not sqlite._ASKING.locked()

    def test_asks_every_millisecond_until_its_time_is_over(
        self,
        file: Path,
        other: sqlite.Connection,
        on_sleep: OnSleep,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        moment = [0.0]

        def sleep(seconds: float) -> None:
            moment[0] += seconds

        monkeypatch.setattr(sqlite, "clock", SimpleNamespace(monotonic=lambda: moment[0]))
        on_sleep(sleep)

        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            opened(file, timeout=20).execute("BEGIN IMMEDIATE")

        assert moment[0] == pytest.approx(20, abs=0.002)
        assert not sqlite._ASKING.locked()
        other.commit()
        assert lines(file) == ["theirs"]

    def test_waits_behind_the_one_who_asks_for_its_process(
        self, file: Path, other: sqlite.Connection
    ) -> None:
        asked: list[str] = []
        mine = opened(file, timeout=0.01)
        mine.set_trace_callback(asked.append)

        with (
            sqlite._ASKING,
            ThreadPoolExecutor(1) as pool,
            pytest.raises(sqlite3.OperationalError, match="database is locked"),
        ):
            pool.submit(mine.execute, "BEGIN IMMEDIATE").result()

        # When it came, and when its time was over.
        assert asked == ["BEGIN IMMEDIATE"] * 2
        other.commit()

    def test_tells_at_once_what_no_waiting_would_mend(
        self, file: Path, asked_again: list[float]
    ) -> None:
        mine = opened(file)

        for ask in (mine.execute, mine.cursor().execute):
            with pytest.raises(sqlite3.OperationalError, match="no such table"):
                ask("SELECT * FROM nowhere")

        assert asked_again == []

    def test_tells_what_went_wrong_while_it_waited(
        self, file: Path, other: sqlite.Connection, on_sleep: OnSleep
    ) -> None:
        pauses = []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if other.in_transaction:
                other.execute("DROP TABLE line")
                other.commit()

        on_sleep(sleep)

        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            opened(file, timeout=1).execute(WRITE)
        assert len(pauses) == 1
        assert not sqlite._ASKING.locked()

    def test_waits_for_a_file_that_is_made_good_again(
        self, file: Path, asked_again: list[float]
    ) -> None:
        mine = opened(file)

        assert mine.cursor(factory=Recovering).execute("SELECT 1").fetchall() == [(1,)]
        assert asked_again == [sqlite.ASK_EVERY_SECONDS]


class Recovering(sqlite3.Cursor):
    """What finds twice that the file is being made good again after somebody was killed."""

    _times = 2

    def execute(self, *args: Any) -> Any:
        if self._times:
            self._times -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY
            raise error
        return super().execute(*args)
