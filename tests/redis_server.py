"""A Redis of the tests' own, on a Unix socket in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_SECONDS = 20


@contextmanager
def running() -> Iterator[str]:
    """Yield the REDIS_URL of a server that lives for the block; skip loudly without one."""
    program = shutil.which("redis-server")
    if program is None:
        words = "NOTHING WAS TRIED WITH REDIS: there is no redis-server (Debian: apt install it)."
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    with tempfile.TemporaryDirectory(prefix="relaypanel-redis-") as folder:
        socket = Path(folder) / "redis.sock"
        server = subprocess.Popen(
            [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not socket.exists():
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield f"unix://{socket}"
        finally:
            server.terminate()
            server.wait(START_SECONDS)
