from __future__ import annotations

import os

import pytest
from django.db import connection

from tests import databases


@pytest.fixture
def database_url(transactional_db: None, engine: databases.Engine) -> str:
    """Return the address of the test's own database, for processes that share it."""
    name = connection.settings_dict["NAME"]
    return f"sqlite:///{name}" if engine == "sqlite" else f"{os.environ[databases.SERVER]}/{name}"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Say nothing but the figures: what is broken on purpose is logged thousands of times."""
    caplog.set_level("CRITICAL")
