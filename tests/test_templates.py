from __future__ import annotations

from pathlib import Path

import pytest

from tests import databases, templates


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(templates, "FOLDER", tmp_path / "kept")
    return tmp_path


class TestKept:
    def test_comes_back_as_it_was(self, folder: Path) -> None:
        first, second = folder / "first", folder / "second"
        first.write_bytes(b"a database")

        assert not templates.fill_sqlite(second)
        templates.keep_sqlite(first)

        assert templates.fill_sqlite(second)
        assert second.read_bytes() == b"a database"

    def test_is_forgotten_when_a_migration_changes(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = folder / "file"
        file.write_bytes(b"a database")
        templates.keep_sqlite(file)
        before = templates._fingerprint()
        sources = [*templates._sources(), templates.ROOT / "README.md"]
        monkeypatch.setattr(templates, "_sources", lambda: iter(sources))

        assert templates._fingerprint() != before
        assert not templates.fill_sqlite(file)
        templates.keep_sqlite(file)
        assert len(list((folder / "kept").iterdir())) == 1

    def test_depends_on_what_migrations_import(self) -> None:
        names = {file.name for file in templates._sources()}

        assert {"uv.lock", "models.py", "0001_initial.py", "folding.py"} <= names


@pytest.mark.postgresql
class TestKeptOfPostgresql:
    def test_has_all_that_migrations_made(self, folder: Path) -> None:
        with databases.fresh("postgresql") as url:
            templates.keep_postgresql(url)
            kept = templates._kept("postgresql").read_text()

        assert "CREATE TRIGGER" in kept
        assert "COPY public.django_migrations" in kept
