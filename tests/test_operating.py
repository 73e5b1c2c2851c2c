"""Holds docs/operating.md against the program."""

from __future__ import annotations

import inspect
import re

from relaypanel import __main__, checks, env_file, settings

DOCUMENT = (env_file.BASE_DIR / "docs" / "operating.md").read_text()


class TestOperating:
    def test_lists_every_setting(self) -> None:
        source = inspect.getsource(checks) + inspect.getsource(settings)
        read = set(re.findall(r'\(env, "([A-Z_]+)"|env\.\w+\(\s*"([A-Z_]+)"', source))
        names = {first or second for first, second in read} | {"RELAYPANEL_ENV_FILE"}

        listed = set(re.findall(r"^\| `([A-Z_]+)` \|", DOCUMENT, re.MULTILINE))

        assert len(names) > 10
        assert listed == names

    def test_lists_every_command(self) -> None:
        table = DOCUMENT.partition("## Commands")[2].partition("## Logs")[0]
        firsts = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]

        listed = {name for first in firsts for name in re.findall(r"`(\w+)`", first)}

        assert listed == set(__main__.COMMANDS)
