from __future__ import annotations

import inspect

import pytest
from django.utils import translation

from relaypanel.contract import FIELDS
from relaypanel.dashboard import refusals
from relaypanel.errors import Refused
from relaypanel.ledger.book import NotEnoughFunds
from relaypanel.orders import mass, place, requests, schedules, types
from tests.orders.scene import NOW

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
]


class TestWords:
    @pytest.mark.parametrize(("refused", "field", "words"), REFUSALS)
    def test_say_why_and_where(self, refused: Refused, field: str, words: str) -> None:
        assert (refusals.field(refused), refusals.words(refused)) == (field, words)

    @pytest.mark.parametrize(("refused", "field", "words"), REFUSALS)
    def test_say_it_in_vietnamese_too(self, refused: Refused, field: str, words: str) -> None:
        with translation.override("vi"):
            assert refusals.words(refused) != words

    @pytest.mark.parametrize("module", [place, requests, types, mass, schedules])
    def test_exist_for_each_refusal_that_a_page_can_meet(self, module: object) -> None:
        codes = {
            refused.code
            for _, refused in inspect.getmembers(module, inspect.isclass)
            if issubclass(refused, Refused) and refused is not Refused
        }

        # Met by a command alone.
        codes.discard(schedules.NoDripFeed.code)
        assert codes <= set(refusals.ANSWERS)

    def test_stand_beside_fields_that_exist(self) -> None:
        fields = {field for _, field, _ in REFUSALS}

        assert fields - {"", "service"} <= set(FIELDS)
