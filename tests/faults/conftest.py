from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.db import connection

from tests import databases
from tests.faults import forks


@pytest.fixture
def database_url(transactional_db: None, engine: databases.Engine) -> str:
    """Return the address of the test's own database, for processes that share it."""
    name = connection.settings_dict["NAME"]
    return f"sqlite:///{name}" if engine == "sqlite" else f"{os.environ[databases.SERVER]}/{name}"


@pytest.fixture(scope="session", autouse=True)
def _end_of_forks() -> Iterator[None]:
    yield
    forks.end()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Say nothing but the figures: what is broken on purpose is logged thousands of times."""
    caplog.set_level("CRITICAL")
