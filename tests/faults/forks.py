"""Runs workers that are killed at random: `python -m tests.faults.forks KILLS SEED`.

Each worker is forked from this process, which has loaded everything, so that a kill costs
milliseconds instead of a start.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

LIVE_SECONDS = (0.05, 0.6)


def main(kills: int, seed: int) -> None:
    import django

    django.setup()
    from relaypanel.worker import loop

    dice = random.Random(seed)
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            loop.main()
            os._exit(0)
        time.sleep(dice.uniform(*LIVE_SECONDS))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    sys.stdout.write(f"killed {kills}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
