from __future__ import annotations

from relaypanel import errors
from relaypanel.staff import refusals


def codes(kind: type[errors.Refused]) -> set[str]:
    own = {kind.code} if "code" in vars(kind) else set()
    return own.union(*(codes(one) for one in kind.__subclasses__()))


class TestWords:
    def test_speak_of_refusals_that_exist(self) -> None:
        assert refusals.WORDS.keys() <= codes(errors.Refused)

    def test_are_the_refusals_own_where_the_desk_has_none(self) -> None:
        class Odd(errors.Refused):
            code = "odd"

        assert refusals.words(Odd("So it is.")) == "So it is."
