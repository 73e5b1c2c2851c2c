from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests import tidy
from tests.tidy import Source

Rule = Callable[[Source], Iterator[str]]

# A fault of each kind: where it could stand, and what it would look like there.
TWINS: list[tuple[Rule, str, str]] = [
    (tidy.module_is_short, "relaypanel/orders/place.py", "pass\n" * 400),
    (tidy.function_is_short, "tests/orders/test_place.py", "def f():\n" + "    pass\n" * 59),
    (tidy.function_is_short, "relaypanel/http.py", "async def f():\n" + "    pass\n" * 59),
    (tidy.name_says_something, "relaypanel/orders/utils.py", ""),
    (tidy.name_says_something, "tests/common/test_place.py", ""),
    (tidy.money_is_whole, "relaypanel/ledger/book.py", "amount = float(text)"),
    (tidy.money_is_whole, "relaypanel/ledger/models.py", "rate = models.DecimalField()"),
    (tidy.money_is_whole, "relaypanel/a/migrations/0001_initial.py", "models.FloatField()"),
    (tidy.clock_is_read_in_one_place, "relaypanel/orders/send.py", "datetime.now(UTC)"),
    (tidy.clock_is_read_in_one_place, "relaypanel/orders/send.py", "datetime.datetime.now()"),
    (
        tidy.clock_is_read_in_one_place,
        "relaypanel/orders/models.py",
        "at = F(default=timezone.now)",
    ),
    (tidy.clock_is_read_in_one_place, "relaypanel/orders/models.py", "at = F(auto_now_add=True)"),
    (tidy.clock_is_read_in_one_place, "relaypanel/http.py", "started = time.monotonic()"),
    (tidy.money_is_moved_in_one_place, "relaypanel/orders/refund.py", "Transfer(key='k').save()"),
    (tidy.money_is_moved_in_one_place, "relaypanel/orders/refund.py", "Transfer.objects.create()"),
    (
        tidy.money_is_moved_in_one_place,
        "relaypanel/orders/refund.py",
        "Account.objects.filter(pk=1).update(balance_e8=0)",
    ),
    (
        tidy.money_is_moved_in_one_place,
        "relaypanel/orders/refund.py",
        "cursor.execute('UPDATE ledger_account SET balance_e8 = 0')",
    ),
    (tidy.status_is_written_in_one_place, "relaypanel/orders/poll.py", "order.status = to"),
    (tidy.status_is_written_in_one_place, "relaypanel/orders/poll.py", "rows.update(status=to)"),
    (
        tidy.status_is_written_in_one_place,
        "relaypanel/orders/poll.py",
        "order.save(update_fields=['status'])",
    ),
    (
        tidy.status_is_written_in_one_place,
        "relaypanel/orders/poll.py",
        "cursor.execute('UPDATE orders_order SET status = 1')",
    ),
    (
        tidy.doors_alone_know_django_http,
        "relaypanel/orders/place.py",
        "from django.http import HttpRequest",
    ),
    (tidy.doors_alone_know_django_http, "relaypanel/orders/place.py", "from django import http"),
    (tidy.nothing_happens_by_signal, "relaypanel/orders/place.py", "import django.dispatch"),
    (
        tidy.nothing_happens_by_signal,
        "relaypanel/orders/place.py",
        "from django.db.models.signals import post_save",
    ),
    (tidy.sql_is_not_made_of_what_came_in, "relaypanel/a.py", "cursor.execute(f'SELECT {name}')"),
    (tidy.sql_is_not_made_of_what_came_in, "relaypanel/a.py", "Order.objects.raw('%s' % name)"),
    (tidy.sql_is_not_made_of_what_came_in, "relaypanel/a.py", "cursor.execute('{}'.format(name))"),
    (tidy.sql_is_not_made_of_what_came_in, "relaypanel/a.py", "rows.extra(where=[text])"),
    (tidy.sql_is_not_made_of_what_came_in, "relaypanel/a.py", "RawSQL(text, ())"),
    (tidy.requests_are_read_by_name, "relaypanel/staff/users.py", "User(**request.POST)"),
    (tidy.requests_are_read_by_name, "relaypanel/staff/users.py", "f(**request.GET.dict())"),
    (tidy.requests_are_read_by_name, "relaypanel/staff/users.py", "it = {**request.POST}"),
    (tidy.nothing_is_left_for_later, "README.md", "TO" + "DO: say more"),
    (tidy.nothing_is_left_for_later, "relaypanel/http.py", "pass  # FIX" + "ME"),
    (tidy.no_machine_is_named, "docs/operating.md", "cd /" + "work/main"),
    (
        tidy.no_machine_is_named,
        "Makefile",
        "pip install --find-" + "links wheels",
    ),
    (tidy.lock_names_public_hosts, "uv.lock", 'url = "https://mirror.example/simple"'),
]


@pytest.fixture(scope="module")
def sources() -> Iterator[list[Source]]:
    yield tidy.sources()
    tidy.forget()


# In one process: to read all that is written takes seconds.
@pytest.mark.xdist_group("sources")
class TestHouse:
    @pytest.mark.parametrize("rule", tidy.RULES, ids=lambda rule: rule.__name__)
    def test_keeps_its_rule(self, rule: Rule, sources: list[Source]) -> None:
        faults = [f"{source.path}: {fault}" for source in sources for fault in rule(source)]

        assert faults == []

    def test_tests_every_module(self, sources: list[Source]) -> None:
        assert list(tidy.untested({source.path for source in sources})) == []

    def test_names_no_test_that_does_not_exist(self, sources: list[Source]) -> None:
        paths = {source.path for source in sources}

        assert set(tidy.TESTED_BY.values()) <= paths
        assert {path for path in tidy.TESTED_BY if not path.endswith("/")} <= paths

    def test_is_really_looked_at(self, sources: list[Source]) -> None:
        assert {"relaypanel/money.py", "tests/tidy.py", "uv.lock", "Makefile"} <= {
            source.path for source in sources
        }


class TestRules:
    @pytest.mark.parametrize(("rule", "path", "text"), TWINS)
    def test_find_the_planted_fault(self, rule: Rule, path: str, text: str) -> None:
        assert list(rule(Source(path=path, text=text)))

    def test_each_have_a_planted_fault(self) -> None:
        assert {rule for rule, _, _ in TWINS} == set(tidy.RULES)

    @pytest.mark.parametrize(
        ("path", "test"),
        [
            ("relaypanel/orders/place.py", "tests/orders/test_place.py"),
            ("relaypanel/money.py", "tests/test_money.py"),
            ("relaypanel/management/commands/web.py", "tests/management/test_web.py"),
            ("relaypanel/api_v2/wire.py", "tests/api_v2/test_add.py"),
        ],
    )
    def test_find_the_module_without_a_test(self, path: str, test: str) -> None:
        assert list(tidy.untested({path, "tests/test_other.py"}))
        assert not list(tidy.untested({path, test}))

    @pytest.mark.parametrize(
        ("rule", "path", "text"),
        [
            (tidy.clock_is_read_in_one_place, "relaypanel/clock.py", "datetime.now(UTC)"),
            (tidy.clock_is_read_in_one_place, "relaypanel/orders/send.py", "now = clock.now()"),
            (tidy.money_is_moved_in_one_place, "relaypanel/ledger/book.py", "Transfer(key='k')"),
            (tidy.money_is_moved_in_one_place, "relaypanel/a.py", "Transfer.objects.filter(pk=1)"),
            (tidy.status_is_written_in_one_place, "relaypanel/orders/states.py", "o.status = to"),
            (
                tidy.status_is_written_in_one_place,
                "relaypanel/a.py",
                "Order.objects.filter(status=1)",
            ),
            (tidy.doors_alone_know_django_http, "relaypanel/api_v2/a.py", "import django.http"),
            (tidy.function_is_short, "relaypanel/a.py", "def f():\n" + "    pass\n" * 58),
        ],
    )
    def test_leave_the_right_way_alone(self, rule: Rule, path: str, text: str) -> None:
        assert not list(rule(Source(path=path, text=text)))
