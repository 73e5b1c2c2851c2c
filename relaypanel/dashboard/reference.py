"""What the API page says: written once, about the contract that the door serves.

A test makes each sample call on the real door and holds its reply against the one shown here, so
that the page cannot promise what the panel does not do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import msgspec
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from relaypanel import contract
from relaypanel.api_v2 import wire
from relaypanel.contract import IDS_MAX, Action, Kind

type_words = str | Promise

# What the placeholders in the door's words stand for on the page.
_EXAMPLE: Final = SimpleNamespace(
    minimum=200,
    maximum=10_000,
    field="quantity",
    name="quantity",
    ids_max=IDS_MAX,
    fields_max=1_000,
    bytes_max=2_097_152,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    name: str
    words: type_words
    needed: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One call and its reply.  `fields` come after `key` and `action`."""

    fields: Mapping[str, str]
    reply: Any

    @property
    def reply_text(self) -> str:
        return msgspec.json.format(msgspec.json.encode(self.reply), indent=2).decode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """An action: what it does, what it takes, and what it answers."""

    words: type_words
    parameters: Sequence[Parameter] = ()
    samples: Sequence[Sample]


_ORDER = Parameter(name="order", words=_("ID of one order"))
_REFS = Parameter(
    name="client_ref",
    words=_("instead of the ID: your own name for the order, as you gave it to add"),
    needed=False,
)


def _many(name: str, words: type_words) -> Parameter:
    return Parameter(name=name, words=words, needed=False)


_ORDERS = _many("orders", _("instead: up to 100 order IDs, separated by commas"))

ACTIONS: Final[Mapping[Action, Described]] = {
    Action.SERVICES: Described(
        words=_("Everything you can order, at your own rates."),
        samples=(
            Sample(
                fields={},
                reply=[
                    contract.ServiceRow(
                        service=1,
                        name="Facebook cảm xúc Like 👍 Việt 🇻🇳",
                        desc="Like chất lượng cao: người việt, người thật.",
                        type="Default",
                        category="⭐ FB Like + cảm xúc Việt 🇻🇳 | S1",
                        platform="Dịch vụ Facebook",
                        rate="15000",
                        min="200",
                        max="10000",
                        refill=True,
                        cancel=False,
                        dripfeed=False,
                    )
                ],
            ),
        ),
    ),
    Action.ADD: Described(
        words=_(
            "Places an order and charges it at once, exactly. The type of the service says which "
            "fields it needs: see the table below."
        ),
        parameters=(
            Parameter(name="service", words=_("ID of the service")),
            Parameter(name="link", words=_("link to the page")),
            Parameter(name="quantity", words=_("how many to deliver")),
            Parameter(
                name="client_ref",
                words=_(
                    "your own name for this order. Send the call again after a broken connection: "
                    "the same name returns the same order and is charged once"
                ),
                needed=False,
            ),
        ),
        samples=(
            Sample(
                fields={"service": "1", "link": "https://example.com/post/1", "quantity": "1000"},
                reply=contract.AddReply(order=23501),
            ),
        ),
    ),
    Action.STATUS: Described(
        words=_("How one order stands, or up to 100 at once. All values are text."),
        parameters=(_ORDER, _ORDERS, _REFS),
        samples=(
            Sample(
                fields={"order": "23501"},
                reply=contract.StatusReply(
                    charge="0.27819",
                    start_count="3572",
                    status="Partial",
                    remains="157",
                    currency="USD",
                ),
            ),
            Sample(
                fields={"orders": "23501,99"},
                reply={
                    "23501": contract.StatusReply(
                        charge="0.27819",
                        start_count="3572",
                        status="Partial",
                        remains="157",
                        currency="USD",
                    ),
                    "99": contract.ErrorReply(error=wire.WORDS["order_not_found"]),
                },
            ),
        ),
    ),
    Action.CANCEL: Described(
        words=_(
            "Asks to cancel up to 100 orders. 1 means that it was asked for; the refund comes when "
            "the order has ended."
        ),
        parameters=(
            Parameter(name="orders", words=_("up to 100 order IDs, separated by commas")),
            _REFS,
        ),
        samples=(
            Sample(
                fields={"orders": "99,23501"},
                reply=[
                    contract.CancelRow(
                        order=99,
                        cancel=contract.ErrorReply(error=wire.WORDS["order_not_found"]),
                    ),
                    contract.CancelRow(order=23501, cancel=1),
                ],
            ),
        ),
    ),
    Action.REFILL: Described(
        words=_(
            "Asks to deliver again what was lost since. The ID of a single refill is text; in a "
            "list they are numbers."
        ),
        parameters=(_ORDER, _ORDERS),
        samples=(
            Sample(fields={"order": "23501"}, reply={"refill": "7"}),
            Sample(
                fields={"orders": "23501,99"},
                reply=[
                    contract.RefillRow(order=23501, refill=7),
                    contract.RefillRow(
                        order=99, refill=contract.ErrorReply(error=wire.WORDS["order_not_found"])
                    ),
                ],
            ),
        ),
    ),
    Action.REFILL_STATUS: Described(
        words=_("How a refill stands: Pending, In progress, Completed or Rejected."),
        parameters=(
            Parameter(name="refill", words=_("ID of one refill")),
            _many("refills", _("instead: up to 100 refill IDs, separated by commas")),
        ),
        samples=(
            Sample(fields={"refill": "7"}, reply={"status": "Pending"}),
            Sample(
                fields={"refills": "7,99"},
                reply=[
                    contract.RefillStatusRow(refill=7, status="Pending"),
                    contract.RefillStatusRow(
                        refill=99,
                        status=contract.ErrorReply(error=wire.WORDS["refill_not_found"]),
                    ),
                ],
            ),
        ),
    ),
    Action.BALANCE: Described(
        words=_("What is left on your account."),
        samples=(
            Sample(fields={}, reply=contract.BalanceReply(balance="100.84292", currency="USD")),
        ),
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeRow:
    """A type of service.  `counted` is the list whose lines are the quantity, "" if none is."""

    name: str
    needed: Sequence[str]
    optional: Sequence[str]
    counted: str
    rate_per: int
    # (field, its value, the field that is needed then)
    when: Sequence[tuple[str, int, str]]


def types() -> Iterator[TypeRow]:
    for type_, spec in contract.TYPES.items():
        drip_feed = ("runs", "interval") if spec.drip_feed else ()
        yield TypeRow(
            name=type_.value,
            needed=spec.needed,
            optional=(*spec.optional, *drip_feed),
            counted=spec.quantity if spec.quantity not in (None, "quantity") else "",
            rate_per=spec.rate_per,
            when=[
                (field, value, needed)
                for field, choices in (spec.when or {}).items()
                for value, needed in choices.items()
            ],
        )


def lists() -> list[str]:
    """Return the fields that take one item a line."""
    return [name for name, field in contract.FIELDS.items() if field.kind is Kind.LINES]


def errors() -> list[str]:
    """Return every refusal, with examples in place of what it speaks of."""
    return list(dict.fromkeys(words.format(refused=_EXAMPLE) for words in wire.WORDS.values()))
