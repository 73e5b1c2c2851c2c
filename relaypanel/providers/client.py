"""Speaks API v2 to one provider: exact in what it writes, tolerant in what it reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import structlog

from relaypanel import errors, http, masking
from relaypanel.contract import IDS_MAX, Action
from relaypanel.providers import pricelist, replies
from relaypanel.providers.answers import (
    AddAnswer,
    Balance,
    Exchange,
    Listing,
    NotSent,
    RefillStatus,
    RefillTaken,
    Rejected,
    Unclear,
    UpstreamStatus,
)
from relaypanel.providers.dialect import Json
from relaypanel.providers.registry import Endpoint

log = structlog.get_logger(__name__)

Told = TypeVar("Told")

REPLY_BYTES_MAX: Final = 2**20
# What is kept of an exchange: enough to see what a panel meant, and never a page of HTML.
REPLY_CHARACTERS_MAX: Final = 2_000
FIELD_CHARACTERS_MAX: Final = 300
# A price list of a hundred thousand services.
SERVICES_BYTES_MAX: Final = 32 * 2**20


class Client:
    """The actions of one provider.  All but `add` raise ProviderError when a call fails.

    What is asked by ID comes back by ID; an ID of which nothing was told is absent, and then
    nothing is known of it.
    """

    def __init__(self, endpoint: Endpoint, post: http.Post) -> None:
        self.endpoint = endpoint
        self._post = post

    async def add(
        self,
        *,
        service: str,
        fields: Mapping[str, str],
        client_ref: str | None = None,
        ready: http.Ready,
    ) -> AddAnswer:
        """Place an order, at most once.

        `ready` is awaited when the connection stands and nothing is written: it records the
        intent, or raises http.NotSent to stop the call.  Never raises for what a provider
        does: every failure is an answer.
        """
        assert "service" not in fields
        form = {"service": service, **fields}
        if self.endpoint.speaks_client_ref and client_ref is not None:
            form["client_ref"] = client_ref
        try:
            reply = await self._send(Action.ADD, form, ready=ready)
        except http.NotSent as failure:
            return NotSent(reason=str(failure))
        except http.Unclear as failure:
            return Unclear(reason=str(failure), exchange=_exchange(form, None))
        answer = replies.classify(reply)
        if isinstance(answer, Rejected | Unclear):
            return replace(answer, exchange=_exchange(form, reply))
        return answer

    async def statuses(self, ids: Sequence[str]) -> dict[str, UpstreamStatus | Rejected]:
        async def ask(batch: Sequence[str]) -> dict[str, UpstreamStatus | Rejected]:
            data = await self._ask(Action.STATUS, self._named("order", batch))
            return replies.statuses(data, ids=batch)

        return await _in_batches(ids, self.endpoint.status_batch, ask)

    async def cancel(self, ids: Sequence[str]) -> dict[str, Rejected | None]:
        """Ask to cancel.  None: the wish was taken, which is not yet a cancelled order."""

        async def ask(batch: Sequence[str]) -> dict[str, Rejected | None]:
            # API v2 knows no `cancel` of a single order.
            data = await self._ask(Action.CANCEL, {"orders": ",".join(batch)})
            return replies.cancels(data, ids=batch)

        return await _in_batches(ids, IDS_MAX, ask)

    async def refill(self, ids: Sequence[str]) -> dict[str, RefillTaken | Rejected]:
        async def ask(batch: Sequence[str]) -> dict[str, RefillTaken | Rejected]:
            data = await self._ask(Action.REFILL, self._named("order", batch))
            return replies.refills(data, ids=batch)

        return await _in_batches(ids, self.endpoint.status_batch, ask)

    async def refill_statuses(self, ids: Sequence[str]) -> dict[str, RefillStatus | Rejected]:
        """Ask how refills stand, by the IDs that `refill` gave."""

        async def ask(batch: Sequence[str]) -> dict[str, RefillStatus | Rejected]:
            data = await self._ask(Action.REFILL_STATUS, self._named("refill", batch))
            return replies.refill_statuses(data, ids=batch)

        return await _in_batches(ids, self.endpoint.status_batch, ask)

    async def services(self) -> list[Listing]:
        """Return the price list, without the rows that cannot be read or sold."""
        data = await self._ask(Action.SERVICES, {}, bytes_max=SERVICES_BYTES_MAX)
        listings, left_out = pricelist.read(data)
        if left_out:
            log.warning("services_left_out", provider=self.endpoint.provider_id, rows=left_out)
        return listings

    async def balance(self) -> Balance:
        data = await self._ask(Action.BALANCE, {})
        return replies.balance(data, currency=self.endpoint.currency)

    def _named(self, one: str, ids: Sequence[str]) -> dict[str, str]:
        if self.endpoint.status_batch == 1:
            return {one: ids[0]}
        return {f"{one}s": ",".join(ids)}

    async def _ask(
        self, action: Action, form: Mapping[str, str], *, bytes_max: int = REPLY_BYTES_MAX
    ) -> Json:
        try:
            reply = await self._send(action, form, bytes_max=bytes_max)
        except (http.NotSent, http.Unclear) as failure:
            raise errors.ProviderError(str(failure)) from failure
        return replies.document(reply)

    async def _send(
        self,
        action: Action,
        form: Mapping[str, str],
        *,
        bytes_max: int = REPLY_BYTES_MAX,
        ready: http.Ready | None = None,
    ) -> http.Reply:
        ours = {"key": self.endpoint.key, "action": action.value}
        assert ours.keys().isdisjoint(form)
        reply = await self._post(
            self.endpoint.url,
            ours | dict(form),
            deadline_seconds=self.endpoint.deadline_seconds,
            bytes_max=bytes_max,
            ready=ready,
        )
        return replace(reply, body=_masked(reply.body, self.endpoint.key))


def _exchange(form: Mapping[str, str], reply: http.Reply | None) -> Exchange:
    """Return what people may look at later: `form` never holds our key, and no part is long."""
    sent = {name: text[:FIELD_CHARACTERS_MAX] for name, text in form.items()}
    if reply is None:
        return Exchange(sent=sent, status=None, reply="")
    said = reply.body[: 4 * REPLY_CHARACTERS_MAX].decode(errors="replace").replace("\0", "")
    return Exchange(sent=sent, status=reply.status, reply=masking.mask(said)[:REPLY_CHARACTERS_MAX])


def _masked(body: bytes, key: str) -> bytes:
    """Return a body without our key, for a panel may say it back, and its words are kept."""
    plain = key.encode()
    # PHP writes a slash with a backslash before it.
    return body.replace(plain, b"[key]").replace(plain.replace(b"/", b"\\/"), b"[key]")


async def _in_batches(
    ids: Sequence[str],
    size: int,
    ask: Callable[[Sequence[str]], Awaitable[dict[str, Told]]],
) -> dict[str, Told]:
    """Ask about all IDs, `size` in a call, and stop at a call that fails."""
    told: dict[str, Told] = {}
    unique = list(dict.fromkeys(ids))
    for start in range(0, len(unique), size):
        try:
            told |= await ask(unique[start : start + size])
        except errors.ProviderError as error:
            # A refill that was taken must not be forgotten because the next call failed.
            if not told:
                raise
            log.warning("ids_left_unasked", ids=len(unique) - start, error=str(error))
            break
    return told
