from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings as SettingsWrapper

from relaypanel.look import static_files

MANIFEST = "whitenoise.storage.CompressedManifestStaticFilesStorage"


@pytest.fixture
def root(settings: SettingsWrapper, tmp_path: Path) -> Path:
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": MANIFEST}}
    return tmp_path / "static"


class TestGather:
    def test_names_files_by_their_content_and_compresses_them(self, root: Path) -> None:
        static_files.gather()

        names = json.loads((root / "staticfiles.json").read_text())["paths"]
        hashed = root / names["look/app.js"]
        assert hashed.name != "app.js"
        assert gzip.decompress(Path(f"{hashed}.gz").read_bytes()) == hashed.read_bytes()

    def test_leaves_alone_what_is_there_already(self, root: Path) -> None:
        static_files.gather()
        before = root.stat().st_ino

        static_files.gather()

        assert root.stat().st_ino == before

    def test_takes_the_place_of_what_was_gathered_from_other_files(self, root: Path) -> None:
        root.mkdir()
        (root / "fingerprint").write_text("of another version")
        (root / "old.css").write_text("")

        static_files.gather()

        assert not (root / "old.css").exists()
        assert (root / "staticfiles.json").exists()
        assert [path.name for path in root.parent.iterdir()] == ["static"]
