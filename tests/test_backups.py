"""A backup and a way back, by the commands, on the database of the run."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import clients, databases, family, shop
from tests.processes import Panel

pytestmark = pytest.mark.sockets


@pytest.fixture
def panel(
    panel_database: Callable[..., str], engine: databases.Engine, tmp_path: Path
) -> Iterator[Panel]:
    more = {"PATH": clients.path()} if engine == "postgresql" else {}
    state = {"STATE_DIR": str(tmp_path / "state")}
    with Panel(database_url=panel_database(), **state, **more) as panel:
        yield panel


@pytest.fixture
def copy(panel: Panel, tmp_path: Path) -> Path:
    """Return a backup of a panel in which Alice has 5, made before she got 7 more."""
    shop.enrol(panel, "alice", deposit="5")
    copy = tmp_path / "panel.backup"
    panel.run("backup", str(copy))
    panel.run("user", "deposit", "alice", "7", "--reference", "second")
    return copy


def refusal(panel: Panel, *arguments: str) -> str:
    return family.refusal(*arguments, environment=panel.environment)


class TestBackup:
    def test_is_put_back_whole(self, panel: Panel, copy: Path) -> None:
        said = panel.run("restore", str(copy), "--yes")

        assert "Workers may start again." in said
        assert panel.run("user", "balance", "alice") == "5 USD\n"
        assert "The books agree." in panel.run("audit")
        # Twice as well: what the first one made is emptied by the second.
        panel.run("restore", str(copy), "--yes")
        assert panel.run("user", "balance", "alice") == "5 USD\n"

    def test_is_for_its_owner_alone(self, copy: Path) -> None:
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600

    def test_writes_over_no_file(self, panel: Panel, copy: Path) -> None:
        before = copy.read_bytes()

        assert refusal(panel, "backup", str(copy)).endswith("choose another name")
        assert copy.read_bytes() == before

    def test_leaves_nothing_where_it_cannot_write(self, panel: Panel, tmp_path: Path) -> None:
        words = refusal(panel, "backup", str(tmp_path / "nowhere" / "copy"))

        assert words.endswith("cannot be written: No such file or directory")


class TestRestore:
    @pytest.mark.parametrize("spoil", ["cut", "noise", "missing"])
    def test_changes_nothing_by_a_damaged_file(self, spoil: str, panel: Panel, copy: Path) -> None:
        content = copy.read_bytes()
        if spoil == "missing":
            copy.unlink()
        else:
            copy.write_bytes(content[: len(content) // 2] if spoil == "cut" else b"noise" * 999)

        assert refusal(panel, "restore", str(copy), "--yes")
        assert panel.run("user", "balance", "alice") == "12 USD\n"

    def test_refuses_while_somebody_uses_the_database(self, panel: Panel, copy: Path) -> None:
        web = panel.start("web")
        shop.Reseller(web.url, "0" * 32).ask("balance")

        assert "stop all web and worker processes" in refusal(panel, "restore", str(copy), "--yes")
        assert panel.run("user", "balance", "alice") == "12 USD\n"
