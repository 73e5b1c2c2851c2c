"""`python -m bench BENCH …`: what can be measured, and where."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

BENCHES: Final = {
    "panel": "the API beside what the machine can do, on both databases: `make bench`",
    "growth": "the API at five million orders beside the same at fifty thousand",
    "processes": "what more web processes and more workers bring",
    "engine": "how fast one worker sends and polls: `make bench-engine`",
    "pages": "the server time of every page: the shop of 100,000 orders, the desk of a million",
    "fill": "not a bench: fills the database of DATABASE_URL with years of trade",
}


def main(arguments: Sequence[str]) -> None:
    if not arguments or arguments[0] not in BENCHES:
        lines = (f"  {name:10} {about}" for name, about in BENCHES.items())
        sys.exit("\n".join(["usage: python -m bench BENCH [--help]", *lines]))
    import_module(f"bench.{arguments[0]}").main(list(arguments[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
