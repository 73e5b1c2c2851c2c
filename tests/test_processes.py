from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import preflight, processes
from relaypanel.processes import Program
from tests import family

# Children that other tests of this run have left for those to come.
_STRANGERS: set[int] = set()


@pytest.fixture(autouse=True)
def _strangers() -> None:
    _STRANGERS.clear()
    _STRANGERS.update(family.descendants(os.getpid()))


class TestPauseSeconds:
    def test_grows_from_one_second_to_half_a_minute(self) -> None:
        pauses = [processes.pause_seconds(failures) for failures in range(1, 8)]

        assert pauses == [1, 2, 4, 8, 16, 30, 30]

    @given(st.integers(1, 10**9))
    def test_is_never_shorter_after_one_more(self, failures: int) -> None:
        pause, next_pause = map(processes.pause_seconds, (failures, failures + 1))

        assert 1 <= pause <= next_pause <= 30


@pytest.fixture
def handlers() -> Iterator[None]:
    """Put back what the signals did before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.sockets
@pytest.mark.usefixtures("handlers")
class TestSupervise:
    def test_drains_its_programs_when_it_is_asked_to_end(self) -> None:
        url, program = _simulator()

        def story() -> None:
            family.until(lambda: family.listens(url))

        assert _supervise([program], story) == 0
        assert not family.listens(url)

    def test_starts_a_program_again_that_ended(self, caplog: pytest.LogCaptureFixture) -> None:
        url, program = _simulator()
        seen: list[int] = []

        def story() -> None:
            family.until(lambda: family.listens(url))
            seen.extend(_programs())
            os.kill(seen[0], signal.SIGKILL)
            family.until(lambda: family.listens(url) and set(_programs()) - set(seen))

        assert _supervise([program], story) == 0
        assert "program_ended_and_starts_again" in caplog.text

    def test_ends_while_it_waits_to_start_a_program_again(self) -> None:
        # No such command: it ends at once, again and again.
        program = Program(name="broken", arguments=("no-such-command",))

        def story() -> None:
            family.until(_programs)
            family.until(lambda: not _programs())

        assert _supervise([program], story) == 0

    def test_tries_again_when_the_system_starts_nothing(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, program = _simulator()
        monkeypatch.setattr(sys, "executable", "/no/such/python")

        def story() -> None:
            family.until(lambda: "program_ended_and_starts_again" in caplog.text)

        assert _supervise([program], story) == 0
        assert "program_not_started" in caplog.text

    def test_starts_nothing_once_it_was_asked_to_end(self) -> None:
        url, program = _simulator()
        with processes._rung_by_signals() as bell:
            keeper = processes._Keeper(program, bell)
            keeper.drain()

            # The keeper may have decided to start it just before.
            assert keeper._run_once() is None

        assert not family.listens(url)

    def test_kills_what_does_not_end_in_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        url, program = _simulator()
        monkeypatch.setattr(processes, "DRAIN_SECONDS", 0)

        def story() -> None:
            family.until(lambda: family.listens(url))
            for pid in _programs():
                os.kill(pid, signal.SIGSTOP)

        assert _supervise([program], story) == 1
        assert not family.listens(url)

    def test_kills_at_the_second_signal(self) -> None:
        url, program = _simulator()

        def story() -> None:
            family.until(lambda: family.listens(url))
            for pid in _programs():
                os.kill(pid, signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGINT)

        assert _supervise([program], story) == 1
        assert not family.listens(url)


class TestEndWithParent:
    SCRIPT = """
import os, sys, time
from relaypanel import processes
processes._WATCH_SECONDS = 0.01
processes.DRAIN_SECONDS = 0
if "stubborn" in sys.argv:
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    processes.end_with_parent(os.getppid())
    print(os.getpid(), flush=True)
    time.sleep(600)
sys.stdin.read()
"""

    @pytest.mark.parametrize("manner", ["willing", "stubborn"])
    def test_ends_once_the_parent_is_killed(self, manner: str) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", self.SCRIPT, manner],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as parent:
            assert parent.stdout
            child = int(parent.stdout.readline())
            assert family.is_alive(child)

            parent.kill()

        family.until(lambda: not family.is_alive(child))


def _simulator() -> tuple[str, Program]:
    port = preflight.spare_port()
    program = Program(name="simulator", arguments=("simulator", "--port", str(port)))
    return f"http://127.0.0.1:{port}", program


def _supervise(programs: list[Program], story: Callable[[], None]) -> int:
    """Supervise while `story` is played beside it; its end is the first signal to end."""
    errors: list[BaseException] = []

    def play() -> None:
        try:
            story()
        except BaseException as error:  # noqa: BLE001  raised again below
            errors.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    # Held back until the supervisor has put its own handlers in place.
    player = threading.Thread(target=play)
    player.start()
    code = processes.supervise(programs)
    player.join()
    assert not errors, errors
    return code


def _programs() -> list[int]:
    return sorted(set(family.descendants(os.getpid())) - _STRANGERS)
