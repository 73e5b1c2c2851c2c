"""The one outgoing HTTP client: a POST that ends in time and says how certain its failure is.

Nothing can be asked twice upstream, so a failure comes in two kinds.  `NotSent`: no byte of
the request went out, and it may be made again.  `Unclear`: some may have arrived, and then
only a look upstream tells.  Addresses of providers are typed into forms, so every address is
judged where its socket is made: a private one is dialled only inside PRIVATE_PROVIDERS, and by
customers' webhooks only inside PRIVATE_WEBHOOKS.
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeAlias
from urllib.parse import urlencode

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from django.conf import settings

from relaypanel import clock

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Name, TCP and TLS together: a panel that takes longer to pick up is down.
CONNECT_SECONDS: Final = 5.0
# Servers hang up idle connections after five seconds and more; a shorter life meets few of those.
KEEPALIVE_SECONDS: Final = 4.0
CHUNK_BYTES: Final = 65_536
HEADERS: Final = {
    "Accept": "application/json",
    # A compressed body has no honest size: 48 kB can unfold to 50 MB.
    "Accept-Encoding": "identity",
    "Content-Type": "application/x-www-form-urlencoded",
    "User-Agent": "Relaypanel",
}

# What the standard library calls global and is not a place for a panel.
_NOT_PUBLIC: Final = (
    ipaddress.ip_network("192.0.0.0/24"),  # protocol assignments
    ipaddress.ip_network("192.88.99.0/24"),  # relays of 6to4
)
_GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class NotSent(Exception):
    """Certain: no byte of the request reached anybody.  It may be made again."""


class Unclear(Exception):
    """The request went out, at least in part; what became of it is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    status: int
    content_type: str
    body: bytes


# Asked when the connection stands and nothing is written.  It raises NotSent to stop the call.
Ready: TypeAlias = "Callable[[], Awaitable[None]]"


class Post(Protocol):
    """`Session.post`, or what stands in for it."""

    async def __call__(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        deadline_seconds: float,
        bytes_max: int,
        ready: Ready | None = None,
    ) -> Reply: ...


class Send(Protocol):
    """`Session.send`, or what stands in for it."""

    async def __call__(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        deadline_seconds: float,
        bytes_max: int,
    ) -> Reply: ...


class Session:
    """Connections of one worker.  Enter it inside the event loop that will use it."""

    async def __aenter__(self) -> Self:
        self._shared = _session(force_close=False, inside="PRIVATE_PROVIDERS")
        self._fresh = _session(force_close=True, inside="PRIVATE_PROVIDERS")
        # Customers choose where these go, so they share no connection with the others.
        self._webhooks = _session(force_close=True, inside="PRIVATE_WEBHOOKS")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._shared.close()
        await self._fresh.close()
        await self._webhooks.close()

    async def post(
        self,
        url: str,
        form: Mapping[str, str],
        *,
        deadline_seconds: float,
        bytes_max: int,
        ready: Ready | None = None,
    ) -> Reply:
        """Return the reply, whatever its status; redirects are not followed.

        `deadline_seconds` is for everything from the look-up of the name to the last byte; past
        it nothing is begun, not even by a process that was stopped meanwhile.
        `ready` is for a call that must not be made twice: it goes over a connection of its own,
        and `ready` is awaited before the first byte.  Raises NotSent and Unclear.
        """
        # The first bytes of the body carry the headers: see _trace.
        assert form
        # A kept connection may be dead already, and a call that dies on it is never certain.
        session = self._shared if ready is None else self._fresh
        call = _Call(ready=ready, until=clock.monotonic() + deadline_seconds)
        body = urlencode(form).encode()
        return await _within(deadline_seconds, session, call, url, body, {}, bytes_max)

    async def send(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        deadline_seconds: float,
        bytes_max: int,
    ) -> Reply:
        """Return the reply to a webhook's body; private places are those of PRIVATE_WEBHOOKS.

        Raises as `post` does.
        """
        assert body
        call = _Call(ready=None, until=clock.monotonic() + deadline_seconds)
        return await _within(deadline_seconds, self._webhooks, call, url, body, headers, bytes_max)


@dataclass(kw_only=True, slots=True)
class _Call:
    ready: Ready | None
    # By the clock that goes on while the process is stopped.
    until: float
    begun: bool = False

    async def prepare(self) -> None:
        if self.ready is not None:
            await self.ready()

    def begin(self) -> None:
        """Mark the last moment at which nothing was written, and stop what comes too late."""
        # A process that slept runs what was waiting before it sees that its time is over.
        self.look()
        self.begun = True

    def look(self) -> None:
        """Raise TimeoutError when the time is over."""
        if clock.monotonic() >= self.until:
            raise TimeoutError

    def failure(self, error: Exception) -> NotSent | Unclear:
        return (Unclear if self.begun else NotSent)(_words(error))


# The call that a connection of its own is made for; None: a connection that is shared.
_ALONE: Final[ContextVar[_Call | None]] = ContextVar("alone", default=None)


class _TimedSocket(socket.socket):
    """Takes no byte of a call whose time is over.

    A process may be stopped anywhere between a look at the clock and the write, and wake up when
    others have proved that nothing came: so the last look is right before the system is asked.
    """

    call: _Call | None = None

    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        self._look()
        return super().send(data, flags)

    def sendmsg(self, *parts: Any) -> int:
        self._look()
        return super().sendmsg(*parts)

    def _look(self) -> None:
        # What comes before the first byte is the handshake of TLS.
        if self.call is not None and self.call.begun:
            self.call.look()


class _Private(OSError):
    """A private address outside the networks of a setting."""

    def __init__(self, address: str, inside: str) -> None:
        super().__init__(f"{address} is not a public address; see {inside}")


class _Resolver(ThreadedResolver):
    def __init__(self, inside: str) -> None:
        super().__init__()
        self._inside = inside

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        # One private address among public ones is no accident: refuse them all.
        for address in found:
            _refuse_private(address["host"], self._inside)
        return found


def _session(*, force_close: bool, inside: str) -> aiohttp.ClientSession:
    """Return a session that dials private addresses inside the networks of a setting alone."""
    # No limit here: how many calls a provider gets at once is its own setting.
    connector = aiohttp.TCPConnector(
        limit=0,
        resolver=_Resolver(inside),
        socket_factory=partial(_public_socket, inside),
        force_close=force_close,
        keepalive_timeout=None if force_close else KEEPALIVE_SECONDS,
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers=HEADERS,
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        trace_configs=[_trace()],
    )


def _public_socket(inside: str, address: tuple[Any, ...]) -> socket.socket:
    # A literal address never meets the resolver.  Here is what is really dialled.
    family, kind, protocol, _, target = address
    _refuse_private(str(target[0]), inside)
    made = _TimedSocket(family=family, type=kind, proto=protocol)
    made.call = _ALONE.get()
    return made


def _refuse_private(text: str, inside: str) -> None:
    address = _unwrapped(ipaddress.ip_address(text))
    allowed = getattr(settings, inside)
    if not _is_public(address) and not any(address in network for network in allowed):
        raise _Private(text, inside)


def _unwrapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 one carries, for those that are only a wrapping."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address in _GLOBAL_UNICAST
    return not any(address in network for network in _NOT_PUBLIC)


def _trace() -> aiohttp.TraceConfig:
    async def when_connected(
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        # Despite its name this signal comes when the connection stands and nothing is written.
        await context.trace_request_ctx.prepare()

    async def before_bytes(
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: aiohttp.TraceRequestChunkSentParams,
    ) -> None:
        # So does this one: headers wait for the first bytes of the body, which every call has.
        context.trace_request_ctx.begin()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(when_connected)
    trace.on_request_chunk_sent.append(before_bytes)
    return trace


async def _within(
    deadline_seconds: float,
    session: aiohttp.ClientSession,
    call: _Call,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    bytes_max: int,
) -> Reply:
    before = _ALONE.set(None if call.ready is None else call)
    try:
        async with asyncio.timeout(deadline_seconds):
            return await _exchange(session, call, url, body, headers, bytes_max)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise call.failure(error) from error
    finally:
        _ALONE.reset(before)


async def _exchange(
    session: aiohttp.ClientSession,
    call: _Call,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    bytes_max: int,
) -> Reply:
    # As a stream: bytes in one piece would hold up the event loop when they are many.
    async with session.post(
        url,
        data=io.BytesIO(body),
        headers=headers,
        allow_redirects=False,
        trace_request_ctx=call,
    ) as response:
        return Reply(
            status=response.status,
            content_type=response.headers.get("Content-Type", ""),
            body=await _read(response, bytes_max),
        )


async def _read(response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    encodings = response.headers.getall("Content-Encoding", [])
    if any(encoding.strip().lower() not in ("", "identity") for encoding in encodings):
        raise Unclear("the body is compressed, which was not asked for")
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > bytes_max:
            raise Unclear(f"the body is larger than {bytes_max} bytes")
    return bytes(body)


def _words(error: Exception) -> str:
    """Return what happened, without the address: it may hold a key."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"its name was not found ({error.os_error.strerror or error.os_error})"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({error.os_error.strerror or error.os_error})"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"no connection (nothing within {CONNECT_SECONDS:g} seconds)"
    if isinstance(error, TimeoutError):
        return "its time was over"
    return f"the connection failed ({type(error).__name__})"
