"""The house of the tests: databases, sockets, and which tests a run is about."""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import django.test
import hypothesis
import pytest
from django.conf import settings
from django.utils import timezone, translation

from relaypanel.accounts.passwords import Argon2
from relaypanel.storefront import profile
from relaypanel.storefront.models import Profile
from tests import databases, launcher, postgresql

# A loaded machine is slow, and that is not what the tests are about.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")

# Pages are drawn without gathering static files first; processes of their own do gather.
settings.STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}

# Those that processes gather would be listed anew for each client of a test.
settings.STATIC_ROOT = Path(settings.STATIC_ROOT).with_name("static-of-none")
settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)

# A tenth of a second for each password is for those who guess, and these are known.
Argon2.memory_cost, Argon2.time_cost = 8, 1

LOOPBACK = ["127.0.0.1", "::1"]
# What runs real processes meets whatever else the machine does: decision 0017.
ONCE_MORE = pytest.mark.flaky(reruns=1)


class CommittingTestCase(django.test.TransactionTestCase):
    """Gives each test that commits a database of its own, in place of Django's flush."""

    @classmethod
    def _fixture_setup(cls) -> None:
        cls.databases_of_the_test = ExitStack()
        url = cls.databases_of_the_test.enter_context(databases.fresh(cls.engine))
        cls.databases_of_the_test.enter_context(databases.connected(url))

    def _fixture_teardown(self) -> None:
        self.databases_of_the_test.close()

    engine: databases.Engine
    databases_of_the_test: ExitStack


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    on_postgresql = config.getoption("database") == "postgresql"
    connections_are_few = on_postgresql and not postgresql.is_own(os.environ[databases.SERVER])
    kept: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        if item.get_closest_marker("sockets"):
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))
            if not {os.environ.get("FAULTS"), os.environ.get("HOSTILE")} & {"full"}:
                item.add_marker(ONCE_MORE)
        if connections_are_few and _runs_panels(item):
            # Panels of many processes, one after the other: most servers take a hundred.
            item.add_marker(pytest.mark.xdist_group("many_connections"))
        is_meant = _touches_a_database(item) if on_postgresql else not _needs_postgresql(item)
        (kept if is_meant else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = _spread(kept)


def pytest_collection_finish() -> None:
    """Let garbage be looked for in what tests make, not in all that was loaded for them.

    That took a sixth of the time.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what a test wrote where it failed: else nobody reads what all workers would send."""
    report = yield
    if report.passed:
        report.sections.clear()
    return report


@pytest.fixture(autouse=True)
def _nobodys_language() -> None:
    """Forget the language and the time zone that the last request of another test was made in."""
    translation.activate(settings.LANGUAGE_CODE)
    timezone.deactivate()


@pytest.fixture(scope="session", autouse=True)
def _end_of_launcher() -> Iterator[None]:
    yield
    launcher.end()


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> databases.Engine:
    chosen: databases.Engine = pytestconfig.getoption("database")
    return chosen


@pytest.fixture(scope="session")
def django_db_setup(
    engine: databases.Engine,
    django_test_environment: None,
) -> Iterator[None]:
    """Point Django at this worker's own database; pytest-django leaves this fixture to us."""
    CommittingTestCase.engine = engine
    with (
        pytest.MonkeyPatch.context() as patch,
        databases.fresh(engine) as url,
        databases.connected(url),
    ):
        patch.setattr(django.test, "TransactionTestCase", CommittingTestCase)
        yield


@pytest.fixture(autouse=True)
def _profile_is_known() -> None:
    """Let pages know the panel's name and colour without a query, as between two looks."""
    row = Profile(pk=1)
    known = {name: getattr(row, name) for name in profile.Settings.__slots__}
    profile._kept["settings"] = (math.inf, profile.Settings(**known))


@pytest.fixture
def panel_database(engine: databases.Engine) -> Iterator[Callable[..., str]]:
    """Return a maker of databases for panels that are processes of their own.

    `panel_database()` is the DATABASE_URL of a new migrated database of the run's engine;
    `panel_database("sqlite")` of that engine; "postgresql" needs the mark of that name.
    """
    with ExitStack() as stack:
        yield lambda wanted=engine: stack.enter_context(databases.fresh(wanted))


def _spread(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests so that each worker waits for processes while others work.

    Those with sockets mostly wait.  They have all begun by half-time, so that no worker
    begins one when the others have ended.
    """
    waiting = [item for item in items if item.get_closest_marker("sockets")]
    working = [item for item in items if not item.get_closest_marker("sockets")]
    places = [0.5 * number / len(waiting) for number in range(len(waiting))]
    places += [number / len(working) for number in range(len(working))]
    placed = zip(places, [*waiting, *working], strict=True)
    return [item for _, item in sorted(placed, key=lambda pair: pair[0])]


def _runs_panels(item: pytest.Item) -> bool:
    is_fault = "faults" in item.path.parts
    return is_fault or "panel_database" in getattr(item, "fixturenames", ())


def _touches_a_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "panel_database"} & set(getattr(item, "fixturenames", ()))
    return bool(fixtures or item.get_closest_marker("django_db") or _needs_postgresql(item))


def _needs_postgresql(item: pytest.Item) -> bool:
    return item.get_closest_marker("postgresql") is not None
