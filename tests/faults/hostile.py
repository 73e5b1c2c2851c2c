"""A panel that answers `add` in whatever way the path says: `…/NAME`.

It runs in a thread of the test's own, counts the calls for each link, and notes how long each
connection was open.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Hostile:
    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.calls: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {name: [] for name in answers}
        self._answers = answers
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1000)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result()
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # TLS, for one, has no head that ends.
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        began = time.monotonic()
        length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
        form = parse_qs((await reader.readexactly(length)).decode())
        # What is asked behind the breaker names no link.
        self.calls.update(form.get("link", ()))
        name = head.split(" ")[1].strip("/")
        # The call ends when the client hangs up, whatever is still to be said.
        answering = asyncio.ensure_future(self._answers[name](writer))
        hung_up = asyncio.ensure_future(reader.read())
        await asyncio.wait((answering, hung_up), return_when=asyncio.FIRST_COMPLETED)
        self.seconds[name].append(time.monotonic() - began)
        for task in (answering, hung_up):
            task.cancel()
        await asyncio.gather(answering, hung_up, return_exceptions=True)


def reply(body: bytes | str, *, status: int = 200, kind: str = "application/json") -> Answer:
    content = body.encode() if isinstance(body, str) else body
    head = (
        f"HTTP/1.1 {status} Whatever\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
    )
    return raw(head.encode() + b"\r\n" + content)


def raw(*pieces: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return answer


def endless(first: bytes, drop: bytes, *, seconds: float = 0.0) -> Answer:
    """Begin, and then say `drop` again and again, with a rest between."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(seconds)

    return answer


async def hang(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)
