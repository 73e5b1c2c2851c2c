"""Calls into the database that share one transaction because they came together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# More in one go would make the first of them wait for the last.
SIZE_MAX: Final = 64


class Batch(Generic[Item, Result]):
    """Does single things in groups: those asked for while one group is done make up the next.

    Nobody waits for company: the first item of an idle batch goes at once.
    """

    def __init__(self, do: Callable[[list[Item]], Awaitable[Sequence[Result]]]) -> None:
        self._do = do
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    def ask(self, item: Item) -> asyncio.Future[Result]:
        """Return the future result of `item`.  A failure of its group is a failure of each."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return future

    async def _run(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:SIZE_MAX], self._waiting[SIZE_MAX:]
            try:
                results = await self._do([item for item, _ in group])
                assert len(results) == len(group)
            except Exception as error:  # noqa: BLE001 - it is for those who asked
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), result in zip(group, results, strict=True):
                    if not future.done():
                        future.set_result(result)
