from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from django.utils import translation

from relaypanel import dashboard
from relaypanel.accounts import networks, users
from relaypanel.dashboard import refusals
from relaypanel.errors import Refused
from relaypanel.ledger.book import NotEnoughFunds
from relaypanel.orders import mass, place, requests, types
from relaypanel.payments import topup
from relaypanel.tickets import desk
from tests.orders.scene import NOW

_NOT_THERE: Final = "the page answers that nothing is there"
_BY_COMMAND: Final = "met by commands and by the desk alone"
_TO_PROGRAMS: Final = "answered to a program, in the words of the wire"
# Refusals of what the pages call that no page puts into words, and why.
UNSAID: Final = {
    "ticket_not_found": _NOT_THERE,
    "topup_not_found": _NOT_THERE,
    "webhook_not_found": _NOT_THERE,
    "not_for_sale": _NOT_THERE,
    "no_drip_feed": _BY_COMMAND,
    "bad_email": _BY_COMMAND,
    "weak_password": _BY_COMMAND,
    "no_such_user": _BY_COMMAND,
    "bad_profile": _BY_COMMAND,
    "text_too_long": _BY_COMMAND,
    "unknown_text": _BY_COMMAND,
    "bad_announcement": _BY_COMMAND,
    "no_such_announcement": _BY_COMMAND,
    "bad_key": _TO_PROGRAMS,
    "no_such_gateway": _TO_PROGRAMS,
    "does_not_match": _TO_PROGRAMS,
    "forged": _TO_PROGRAMS,
    "bad_rate": _BY_COMMAND,
    "balance_too_large": _BY_COMMAND,
    "topup_reason_needed": _BY_COMMAND,
    "no_such_payment_method": _BY_COMMAND,
    "payment_method_name_needed": _BY_COMMAND,
    "payment_method_bounds": _BY_COMMAND,
    "payment_method_bonus": _BY_COMMAND,
    "payment_method_currency": _BY_COMMAND,
    "payment_method_bank": _BY_COMMAND,
    "payment_method_gateway": _BY_COMMAND,
    **dict.fromkeys(
        (
            *("body_compressed", "body_incomplete", "body_too_large", "incorrect_action"),
            *("not_post", "refill_not_found", "repeated_parameter", "too_many_calls"),
            *("too_many_fields", "unknown_content_type", "unreadable_form", "unreadable_json"),
        ),
        _TO_PROGRAMS,
    ),
}
# What a refusal says by itself is English, for commands and logs.
_OF_THE_DOMAIN: Final = re.compile(r"str\((refused|error|refusal)\)|{(refused|error|refusal)}")


def met() -> set[str]:
    """Return the codes of all refusals that live where a page of the shop calls into."""
    names = (one.name for one in pkgutil.iter_modules(dashboard.__path__))
    pages = [importlib.import_module(f"relaypanel.dashboard.{name}") for name in names]
    called = _imported(pages)
    return {code for module in called | _imported(called) for code in _codes(module)}


def _imported(modules: Iterable[ModuleType]) -> set[ModuleType]:
    return {
        one
        for module in modules
        for one in vars(module).values()
        if inspect.ismodule(one) and one.__name__.startswith("relaypanel.")
    }


def _codes(module: ModuleType) -> set[str]:
    return {
        one.code
        for _, one in inspect.getmembers(module, inspect.isclass)
        if issubclass(one, Refused) and one is not Refused
    }


# One of each, with what its words speak of.
REFUSALS: list[tuple[Refused, str, str]] = [
    (place.IncorrectService(), "service", "This service is not for sale now. Choose another one."),
    (types.BadLink(), "link", "Give the full public link, like https://example.com/post."),
    (types.QuantityTooSmall(minimum=1000), "quantity", "Order at least 1,000."),
    (
        types.QuantityTooLarge(maximum=5),
        "quantity",
        "Order at most 5; all runs of a drip-feed count together.",
    ),
    (types.IncorrectField("hashtag"), "hashtag", "This is missing or cannot be read."),
    (
        types.DripFeedDisabled(),
        "runs",
        "This service cannot be spread over several runs.",
    ),
    (
        NotEnoughFunds(user_id=1, balance_e8=10**8, change_e8=-3 * 10**8),
        "",
        "Your balance is $1.00, and this needs $3.00. Add $2.00 first.",
    ),
    (
        place.PriceRose(price_e8=10**8),
        "",
        "The price is $1.00 now, which is more than you saw. Nothing was ordered yet.",
    ),
    (
        requests.RefillTooSoon(until=NOW),
        "",
        "A refill can be asked for from 24 Nov 2026, 12:00.",
    ),
    (mass.UnreadableLine(form="a | b"), "", "A line for this service looks like this: a | b"),
    (
        users.BadUsername(),
        "username",
        "A username has 3 to 60 letters a–z, digits or any of _ . @ + -",
    ),
    (
        networks.EveryAddress(line="::/0"),
        "networks",
        "“::/0” holds every address there is. To allow all, leave the list empty.",
    ),
    (
        topup.AmountOutOfBounds(min_e8=10**8, max_e8=5 * 10**8),
        "amount",
        "Choose an amount from $1.00 to $5.00.",
    ),
    (desk.UnknownOrders(order_ids=[7]), "orders", "You have no order 7."),
    (desk.UnknownOrders(order_ids=[7, 9]), "orders", "You have no orders 7, 9."),
]


class TestWords:
    @pytest.mark.parametrize(("refused", "field", "words"), REFUSALS)
    def test_say_why_and_where(self, refused: Refused, field: str, words: str) -> None:
        assert (refusals.field(refused), refusals.words(refused)) == (field, words)

    @pytest.mark.parametrize(("refused", "field", "words"), REFUSALS)
    def test_say_it_in_vietnamese_too(self, refused: Refused, field: str, words: str) -> None:
        with translation.override("vi"):
            assert refusals.words(refused) != words

    @pytest.mark.parametrize("code", sorted(met()))
    def test_exist_for_each_refusal_that_a_page_can_meet(self, code: str) -> None:
        assert (code in refusals.ANSWERS) != (code in UNSAID)

    def test_are_not_kept_for_what_no_page_can_meet(self) -> None:
        assert set(refusals.ANSWERS) | set(UNSAID) <= met()

    @pytest.mark.parametrize("code", sorted(refusals.ANSWERS))
    def test_are_translated(self, code: str) -> None:
        template = refusals.ANSWERS[code].words
        filling: dict[str, object] = defaultdict(lambda: "7", {"count": 7})
        english = str(template % filling)

        with translation.override("vi"):
            assert str(template % filling) != english

    def test_are_those_of_the_pages_and_never_those_of_the_domain(self) -> None:
        said = [
            f"{path.name}: {line.strip()}"
            for path in Path(dashboard.__file__).parent.rglob("*.py")
            for line in path.read_text().splitlines()
            if _OF_THE_DOMAIN.search(line)
        ]

        assert said == []
