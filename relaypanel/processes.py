"""Child processes: kept alive while we live, drained when we are asked to end, never left over.

The supervisor starts each program once, waits for it, and starts it again when it ends.  It
passes its own process ID along; each child watches that this is still its parent
(`end_with_parent`), so that even `kill -9` of the supervisor leaves nobody on the port.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import structlog

from relaypanel import clock

# A child may be waiting for a provider's word on an order: 30 seconds at most, and some to write
# it down.  Cut short, the order would be left for staff to find out.
DRAIN_SECONDS: Final = 40
PARENT_VARIABLE: Final = "RELAYPANEL_PARENT"

_PAUSE_SECONDS_MAX = 30
# A program that ran this long had a fault of the moment: the pauses begin anew.
_STEADY_SECONDS = 60
_WATCH_SECONDS = 0.25
# No signal has this number.
_DONE = 0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """A command of ours: `relaypanel <arguments>`."""

    name: str
    arguments: Sequence[str]


def supervise(programs: Sequence[Program]) -> int:
    """Run `programs` until SIGTERM or SIGINT; return the exit code.

    The first signal lets them finish what they have begun, for DRAIN_SECONDS; a second one, or
    the end of that time, kills what is left, and the exit code is 1.
    """
    with _rung_by_signals() as bell:
        keepers = [_Keeper(program, bell) for program in programs]
        for keeper in keepers:
            keeper.start()
        bell.wait(None)
        return _end(keepers, bell)


def end_with_parent(parent_pid: int) -> None:
    """Let this process drain, then end, once `parent_pid` is no longer its parent.

    Asking again and again works on every system and for forked children too.  Linux could send
    us a signal instead (PR_SET_PDEATHSIG), but it does so when the parent's *thread* ends, and
    it cannot end a child that does not heed the signal.
    """
    threading.Thread(target=_watch, args=(parent_pid,), daemon=True).start()


def pause_seconds(failures: int) -> int:
    """Return how long to wait before the start after the `failures`-th early end in a row."""
    return min(1 << min(failures - 1, 10), _PAUSE_SECONDS_MAX)


class _Bell:
    """Wakes the main thread, which waits for signals and for keepers that are done.

    It is a pipe, because the kernel may hand a signal to any thread: a main thread that waits
    for a lock or a queue would then sleep on.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = reader, writer

    def ring(self) -> None:
        os.write(self._writer, bytes((_DONE,)))

    def wait(self, seconds: float | None) -> int | None:
        """Return the number of a signal, or _DONE, or None after so many seconds."""
        ready, _, _ = select.select([self._reader], [], [], seconds)
        return os.read(self._reader, 1)[0] if ready else None


class _Keeper(threading.Thread):
    """Keeps one program running, and rings when it has let go of it."""

    def __init__(self, program: Program, bell: _Bell) -> None:
        super().__init__(name=f"keeper of {program.name}", daemon=True)
        self._program = program
        self._bell = bell
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        failures = 0
        while not self._ending.is_set():
            started = clock.monotonic()
            code = self._run_once()
            failures = 1 if clock.monotonic() - started > _STEADY_SECONDS else failures + 1
            self._rest(code, pause_seconds(failures))
        self._bell.ring()

    def drain(self) -> None:
        with self._lock:
            self._ending.set()
            self._send(signal.SIGTERM)

    def kill(self) -> None:
        with self._lock:
            self._send(signal.SIGKILL)

    def _run_once(self) -> int | None:
        """Return the exit code, or None if it could not be started or must not be any more."""
        try:
            process = self._start_program()
        except OSError as error:
            # No memory or no process to be had: that may pass.
            _log.error("program_not_started", program=self._program.name, error=str(error))
            return None
        return process.wait() if process else None

    def _start_program(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._ending.is_set():
                return None
            # A group of its own: Ctrl-C in the terminal reaches us alone, and we say when to end;
            # and a kill takes the program's own children along.
            self._process = subprocess.Popen(  # noqa: S603  our own program, our own words
                [sys.executable, "-m", "relaypanel", *self._program.arguments],
                stdin=subprocess.DEVNULL,
                env=os.environ | {PARENT_VARIABLE: str(os.getpid())},
                process_group=0,
            )
            _log.info("program_started", program=self._program.name, pid=self._process.pid)
            return self._process

    def _rest(self, code: int | None, seconds: int) -> None:
        if self._ending.is_set():
            return
        _log.warning(
            "program_ended_and_starts_again",
            program=self._program.name,
            exit_code=code,
            pause_seconds=seconds,
        )
        self._ending.wait(seconds)

    def _send(self, number: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        # It may end between the line above and this one.
        with suppress(ProcessLookupError):
            (os.killpg if number == signal.SIGKILL else os.kill)(self._process.pid, number)


@contextmanager
def _rung_by_signals() -> Iterator[_Bell]:
    """Yield a bell that SIGTERM and SIGINT ring instead of doing what they did before."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    before = signal.set_wakeup_fd(writer)
    try:
        yield _Bell(reader, writer)
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)


def _end(keepers: Sequence[_Keeper], bell: _Bell) -> int:
    for keeper in keepers:
        keeper.drain()
    deadline: float | None = clock.monotonic() + DRAIN_SECONDS
    code, left = 0, len(keepers)
    while left:
        rung = bell.wait(None if deadline is None else max(0.0, deadline - clock.monotonic()))
        if rung == _DONE:
            left -= 1
            continue
        _log.warning("programs_killed", programs_left=left)
        for keeper in keepers:
            keeper.kill()
        # Nothing outlives a kill, so what is left to do is to hear of it.
        code, deadline = 1, None
    return code


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(_WATCH_SECONDS)
    main_thread = threading.main_thread().ident
    assert main_thread
    # Once is not enough: a process that is only just starting may not heed the signal yet.
    for _ in range(DRAIN_SECONDS):
        signal.pthread_kill(main_thread, signal.SIGTERM)
        time.sleep(1)
    os._exit(1)
