from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Say nothing but the figures: what is refused on purpose is logged a thousand times."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)
