"""The rules of the house that no other tool checks.  Each yields what it finds in a file.

test_tidy.py runs them over every file that is committed, or about to be, and over a planted
twin of each fault.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "services", "misc"}
DOORS = (
    "relaypanel/api_v2/",
    "relaypanel/dashboard/",
    "relaypanel/staff/",
    "relaypanel/adminapi/",
    # How the doors look: it draws for their requests.
    "relaypanel/look/",
)

# A measure of time or of paper, not of money.
FLOATS = {"relaypanel/management/commands/simulator.py", "relaypanel/look/charts.py"}

# SQL of our own words: those of a partial index, and a place for each row that is written.
OWN_SQL = {"relaypanel/orders/sweep.py", "relaypanel/orders/poll.py"}

# What a test of another name covers.  A folder's name ends in a slash.
TESTED_BY = {
    "relaypanel/__main__.py": "tests/management/test_main.py",
    "relaypanel/settings.py": "tests/test_checks.py",
    "relaypanel/env_file.py": "tests/management/test_init.py",
    # By the commands, on both databases.
    "relaypanel/management/commands/backup.py": "tests/test_backups.py",
    "relaypanel/management/commands/restore.py": "tests/test_backups.py",
    "relaypanel/accounts/passwords.py": "tests/accounts/test_users.py",
    # What an answer may be; the replies that become each are listed there.
    "relaypanel/providers/answers.py": "tests/providers/test_replies.py",
    # The simulated panel's memory and its words show in what it answers.
    "relaypanel/simulator/orders.py": "tests/simulator/test_panel.py",
    "relaypanel/simulator/words.py": "tests/simulator/test_panel.py",
    # A type for annotations alone.
    "relaypanel/look/page.py": "tests/dashboard/test_api.py",
    # What a gateway is, and which there are.
    "relaypanel/payments/gateways/": "tests/payments/gateways/test_signed.py",
    # What its routes say, word for word; test_door.py and test_routes.py hold the rest.
    "relaypanel/adminapi/": "tests/adminapi/test_orders.py",
    # A file for each action, which says what the whole door answers.
    "relaypanel/api_v2/": "tests/api_v2/test_add.py",
}
# They declare; what they declare is tested where it is used.
DECLARATIONS = {"__init__.py", "models.py", "apps.py", "urls.py", "errors.py", "context.py"}

_CLOCKS = re.compile(
    r"(datetime|date|timezone)\.(now|utcnow|today|localtime|localdate)"
    r"|time\.(time|monotonic|perf_counter)(_ns)?"
)
_WRITES = {"create", "bulk_create", "get_or_create", "update_or_create"}
_CHANGES = {"update", "bulk_update", "delete", "save"}
_MONEY_SQL = re.compile(
    r"(INTO|FROM ONLY|UPDATE|DELETE FROM)\s+ledger_(transfer|account)", re.IGNORECASE
)
_STATUS_SQL = re.compile(r"\bSET\s+status\b", re.IGNORECASE)
_SQL_RUNNERS = {"execute", "executemany", "raw"}
_REQUEST = re.compile(r"\brequest\.(POST|GET|FILES|COOKIES|META|headers|body)\b")
_LEFTOVERS = re.compile(r"\b(TO[D]O|FIX[M]E|X{3})\b")
_MACHINE_PATHS = re.compile(r"(?<![\w.~/])/(work|root|tmp|home/[a-z]\w*|opt/(pypi|wheels))\b")
_REGISTRIES = re.compile(
    r"index[-_]url|find[-_]links|trusted[-_]host|UV_(DEFAULT_)?INDEX|\[\[tool\.uv\.index",
    re.IGNORECASE,
)
_HOSTS = re.compile(r'https?://([^/"]+)')
_PUBLIC_HOSTS = {"pypi.org", "files.pythonhosted.org"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A file: its path from the root of the project, and what it says."""

    path: str
    text: str

    @property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of a Python file; none of another."""
        return _nodes(self.text) if self.path.endswith(".py") else ()

    @property
    def is_ours(self) -> bool:
        """Tell whether it is part of the program and was written by hand."""
        return self.path.startswith("relaypanel/") and "/migrations/" not in self.path


def sources() -> list[Source]:
    """Return every text file that git keeps or is about to keep."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    contents = {
        path: (ROOT / path).read_bytes()
        for path in listed.stdout.split("\0")
        if path and (ROOT / path).is_file()
    }
    return [
        Source(path=path, text=content.decode())
        for path, content in contents.items()
        if b"\0" not in content
    ]


def forget() -> None:
    """Let go of what was read of the sources, millions of nodes, which the collector walks."""
    _nodes.cache_clear()


def module_is_short(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if source.is_ours and source.path.endswith(".py") and lines >= MODULE_LINES_MAX:
        yield f"{lines} lines"


def function_is_short(source: Source) -> Iterator[str]:
    if "/migrations/" in source.path:
        return
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines >= FUNCTION_LINES_MAX:
                yield f"{node.name}: {lines} lines"


def name_says_something(source: Source) -> Iterator[str]:
    path = PurePosixPath(source.path)
    if path.suffix == ".py":
        yield from NAMES_THAT_SAY_NOTHING & {path.stem, *path.parent.parts}


def money_is_whole(source: Source) -> Iterator[str]:
    if not source.path.startswith("relaypanel/") or source.path in FLOATS:
        return
    for node in source.nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "float":
            yield f"line {node.lineno}: float()"
        if isinstance(node, ast.Attribute) and node.attr in ("DecimalField", "FloatField"):
            yield f"line {node.lineno}: {node.attr}"


def clock_is_read_in_one_place(source: Source) -> Iterator[str]:
    if not source.is_ours or source.path == "relaypanel/clock.py":
        return
    for node in source.nodes:
        if isinstance(node, ast.Attribute):
            name = ".".join(ast.unparse(node).split(".")[-2:])
            if _CLOCKS.fullmatch(name):
                yield f"line {node.lineno}: {name}"
        if isinstance(node, ast.keyword) and node.arg in ("auto_now", "auto_now_add"):
            yield f"line {node.lineno}: {node.arg}"


def money_is_moved_in_one_place(source: Source) -> Iterator[str]:
    if not source.is_ours or source.path == "relaypanel/ledger/book.py":
        return
    for node in source.nodes:
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            model, _, rest = called.removeprefix("models.").partition(".")
            verb = rest.rpartition(".")[2]
            if model in ("Transfer", "Account") and (not rest or verb in _WRITES | _CHANGES):
                yield f"line {node.lineno}: {called}"
        if _says(node, _MONEY_SQL):
            yield f"line {getattr(node, 'lineno', 0)}: SQL"


def status_is_written_in_one_place(source: Source) -> Iterator[str]:
    # The simulator is another panel, with orders of its own.
    if not source.is_ours or source.path == "relaypanel/orders/states.py":
        return
    if source.path.startswith("relaypanel/simulator/"):
        return
    for node in source.nodes:
        if _writes_status(node) or _says(node, _STATUS_SQL):
            yield f"line {getattr(node, 'lineno', 0)}"


def doors_alone_know_django_http(source: Source) -> Iterator[str]:
    if source.is_ours and not source.path.startswith(DOORS):
        yield from _imported(source, "django.http")


def nothing_happens_by_signal(source: Source) -> Iterator[str]:
    if source.is_ours:
        yield from _imported(source, "django.dispatch")
        for module in ("core", "db", "db.models", "test"):
            yield from _imported(source, f"django.{module}.signals")


def sql_is_not_made_of_what_came_in(source: Source) -> Iterator[str]:
    if not source.is_ours or source.path in OWN_SQL:
        return
    for node in source.nodes:
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in ("extra", "RawSQL"):
            yield f"line {node.lineno}: {called}()"
        if called in _SQL_RUNNERS and node.args and _is_put_together(node.args[0]):
            yield f"line {node.lineno}: {called}() of a text that is put together"


def requests_are_read_by_name(source: Source) -> Iterator[str]:
    if not source.is_ours:
        return
    for node in source.nodes:
        if isinstance(node, ast.Call):
            poured = [word.value for word in node.keywords if word.arg is None]
        elif isinstance(node, ast.Dict):
            poured = [value for key, value in zip(node.keys, node.values, strict=True) if not key]
        else:
            continue
        for value in poured:
            if _REQUEST.search(ast.unparse(value)):
                yield f"line {value.lineno}: **{ast.unparse(value)}"


def nothing_is_left_for_later(source: Source) -> Iterator[str]:
    yield from _found(source, _LEFTOVERS)


def no_machine_is_named(source: Source) -> Iterator[str]:
    yield from _found(source, _MACHINE_PATHS)
    yield from _found(source, _REGISTRIES)


def lock_names_public_hosts(source: Source) -> Iterator[str]:
    if source.path == "uv.lock":
        yield from set(_HOSTS.findall(source.text)) - _PUBLIC_HOSTS


RULES: tuple[Callable[[Source], Iterator[str]], ...] = (
    module_is_short,
    function_is_short,
    name_says_something,
    money_is_whole,
    clock_is_read_in_one_place,
    money_is_moved_in_one_place,
    status_is_written_in_one_place,
    doors_alone_know_django_http,
    nothing_happens_by_signal,
    sql_is_not_made_of_what_came_in,
    requests_are_read_by_name,
    nothing_is_left_for_later,
    no_machine_is_named,
    lock_names_public_hosts,
)


def untested(paths: Collection[str]) -> Iterator[str]:
    """Yield the modules for which there is no file of tests among `paths`."""
    for path in paths:
        source = Source(path=path, text="")
        if source.is_ours and path.endswith(".py") and _test_of(path) not in paths:
            yield f"{path}: {_test_of(path)} does not exist"


def _test_of(path: str) -> str:
    for covered, test in TESTED_BY.items():
        if path == covered or (covered.endswith("/") and path.startswith(covered)):
            return test
    module = PurePosixPath(path)
    if module.name in DECLARATIONS:
        return path
    folder = "/".join(part for part in module.parent.parts[1:] if part != "commands")
    return str(PurePosixPath("tests") / folder / f"test_{module.name}")


@cache
def _nodes(text: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(text)))


def _writes_status(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=targets):
            return any(isinstance(it, ast.Attribute) and it.attr == "status" for it in targets)
        case ast.Call(func=ast.Attribute(attr="update"), keywords=keywords):
            return any(keyword.arg == "status" for keyword in keywords)
        case ast.Call(func=ast.Attribute(attr=("save" | "bulk_update"))):
            return any(
                isinstance(inner, ast.Constant) and inner.value == "status"
                for inner in ast.walk(node)
            )
    return False


def _is_put_together(text: ast.expr) -> bool:
    match text:
        case ast.JoinedStr(values=values):
            return any(isinstance(part, ast.FormattedValue) for part in values)
        case ast.BinOp(op=ast.Mod() | ast.Add()):
            return True
        case ast.Call(func=ast.Attribute(attr="format")):
            return True
    return False


def _says(node: ast.AST, pattern: re.Pattern[str]) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and pattern.search(node.value) is not None
    )


def _imported(source: Source, module: str) -> Iterator[str]:
    for node in source.nodes:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if f"{name}.".startswith(f"{module}."):
                yield f"line {getattr(node, 'lineno', 0)}: {name}"


def _found(source: Source, pattern: re.Pattern[str]) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        match = pattern.search(line)
        if match:
            yield f"line {number}: {match[0]}"
