from __future__ import annotations

import threading
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from tests.management.upstream import Upstream


@pytest.fixture
def upstream(settings: Settings) -> Iterator[Upstream]:
    settings.PRIVATE_PROVIDERS = [ip_network("127.0.0.0/8")]
    panel = Upstream()
    serving = threading.Thread(target=panel.server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield panel
    panel.server.shutdown()
    panel.server.server_close()
    serving.join()
