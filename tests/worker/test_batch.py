from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from relaypanel.worker import batch
from relaypanel.worker.batch import Batch


class Counter:
    """Does groups of numbers, and keeps them; one that holds a 13 fails."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.during: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(0)

    async def do(self, group: list[int]) -> list[str]:
        self.groups.append(group)
        await self.during()
        if 13 in group:
            raise ArithmeticError("13")
        return [f"done {number}" for number in group]


@pytest.fixture
def counter() -> Counter:
    return Counter()


class TestBatch:
    def test_answers_each_with_its_own_result(self, counter: Counter) -> None:
        async def story() -> list[str]:
            numbers = Batch(counter.do)
            return await asyncio.gather(*(numbers.ask(number) for number in range(3)))

        assert asyncio.run(story()) == ["done 0", "done 1", "done 2"]

    def test_gathers_those_who_come_while_a_group_is_done(self, counter: Counter) -> None:
        async def story() -> None:
            numbers = Batch(counter.do)
            first = numbers.ask(1)
            await asyncio.sleep(0)
            await asyncio.gather(first, numbers.ask(2), numbers.ask(3))
            await numbers.ask(4)

        asyncio.run(story())

        assert counter.groups == [[1], [2, 3], [4]]

    def test_keeps_a_group_small(self, counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batch, "SIZE_MAX", 2)

        async def story() -> None:
            numbers = Batch(counter.do)
            await asyncio.gather(*(numbers.ask(number) for number in range(5)))

        asyncio.run(story())

        assert counter.groups == [[0, 1], [2, 3], [4]]

    def test_fails_those_of_the_group_and_goes_on(self, counter: Counter) -> None:
        async def story() -> Sequence[str | BaseException]:
            numbers = Batch(counter.do)
            first = numbers.ask(13)
            await asyncio.sleep(0)
            return await asyncio.gather(first, numbers.ask(2), return_exceptions=True)

        failure, result = asyncio.run(story())

        assert isinstance(failure, ArithmeticError)
        assert result == "done 2"

    def test_leaves_nobody_waiting_when_results_are_missing(self) -> None:
        async def forget(_: list[int]) -> list[str]:
            return []

        async def story() -> None:
            await asyncio.wait_for(Batch(forget).ask(1), 5)

        with pytest.raises(AssertionError):
            asyncio.run(story())

    @pytest.mark.parametrize("number", [2, 13])
    def test_does_not_mind_who_waits_no_more(self, counter: Counter, number: int) -> None:
        async def story() -> str:
            numbers = Batch(counter.do)
            gone = numbers.ask(number)
            await asyncio.sleep(0)
            gone.cancel()
            return await numbers.ask(3)

        assert asyncio.run(story()) == "done 3"
