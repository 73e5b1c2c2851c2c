from __future__ import annotations

import re
from pathlib import Path

import pytest

import relaypanel.orders
from relaypanel.orders.models import CancelState, RefillState
from relaypanel.orders.oddities import Oddity
from relaypanel.providers.answers import Fault
from relaypanel.staff import reasons
from relaypanel.staff.templatetags import desk

_FOLDER = Path(relaypanel.orders.__file__).parent
_WRITTEN = re.findall(
    r'reason="(\w+)"', "".join(path.read_text() for path in sorted(_FOLDER.glob("*.py")))
)


class TestWords:
    @pytest.mark.parametrize(
        "code", sorted({*_WRITTEN, *Fault, *Oddity, *CancelState, *RefillState})
    )
    def test_are_there_for_each_code(self, code: str) -> None:
        assert desk.reason(code) == str(reasons.WORDS[code])
