"""What tests/launcher.py starts is what a shell would start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import family, launcher

pytestmark = pytest.mark.sockets

SIMULATOR = ("simulator", "--port", "0")


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return launcher.run(*arguments, environment=os.environ | settings, seconds=30)


class TestRun:
    def test_says_what_a_shell_would_see(self) -> None:
        done = run("web", "--no-such-option")

        shell = [sys.executable, "-m", "relaypanel", "web", "--no-such-option"]
        seen = subprocess.run(shell, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (seen.returncode, seen.stdout) == (2, "")
        assert done.stderr.splitlines()[-1] == seen.stderr.splitlines()[-1]

    def test_reads_the_settings_anew_each_time(self) -> None:
        refused = run("audit", CURRENCY="dollars")

        assert refused.stderr.startswith("relaypanel: CURRENCY: ")
        assert "CURRENCY" not in run("audit", "--help").stderr

    def test_ends_what_takes_too_long(self) -> None:
        before = family.descendants(os.getpid())

        with pytest.raises(subprocess.TimeoutExpired):
            launcher.run(*SIMULATOR, environment=os.environ, seconds=0.01)

        left = family.descendants(os.getpid()) - before
        # What all are forked from may have started with this one.
        assert len(left) <= 1


class TestProgram:
    @pytest.mark.parametrize("as_shell", [False, True])
    def test_is_the_first_of_a_session(self, as_shell: bool, tmp_path: Path) -> None:
        with (tmp_path / "output").open("w") as output:
            program = launcher.start(
                *SIMULATOR, environment=os.environ, output=output, as_shell=as_shell
            )

        assert program.poll() is None
        assert os.getsid(program.pid) == program.pid
        program.send_signal(signal.SIGKILL)
        assert program.wait(30) == program.poll() == -signal.SIGKILL
        # It is gone, and so may be its number: nobody is sent anything any more.
        program.send_signal(signal.SIGKILL)


class TestEnd:
    def test_lets_the_next_one_start_anew(self) -> None:
        run("audit", "--help")
        launcher.end()

        assert run("audit", "--help").returncode == 0
