from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import databases
from tests.browser import shop as shops
from tests.browser.shop import Shop, Visit

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1"]))
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    with databases.fresh("sqlite") as database_url, shops.open_shop(database_url) as opened:
        shops.live_a_little(opened)
        yield opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if shops.chromium() is None:
        words = "NO PAGE WAS LOOKED AT: there is no Chromium (Debian: apt install chromium)."
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        warnings.warn(pytest.PytestWarning(words), stacklevel=1)
        pytest.skip(words)
    with shops.open_browser() as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser, shop: Shop) -> Iterator[Visit]:
    """Yield a visit; when the test ends, nothing may have gone wrong in its browsers."""
    one = Visit(shop=shop, browser=browser)
    yield one
    one.close()
    assert one.watch.complaints == []
