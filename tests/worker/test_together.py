from __future__ import annotations

import asyncio

import pytest

from relaypanel.worker import together


class TestWait:
    def test_leaves_none_behind_when_one_fails(self) -> None:
        done = []

        async def fail(number: int) -> None:
            raise ValueError(number)

        async def be_slow() -> None:
            await asyncio.sleep(0.01)
            done.append(True)

        with pytest.raises(ValueError, match="1"):
            asyncio.run(together.wait([fail(1), be_slow(), fail(2)]))

        assert done == [True]

    def test_returns_when_all_are_done(self) -> None:
        done = []

        async def do(number: int) -> None:
            await asyncio.sleep(0)
            done.append(number)

        asyncio.run(together.wait(do(number) for number in range(3)))

        assert done == [0, 1, 2]
