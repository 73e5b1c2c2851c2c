from __future__ import annotations

import inspect
import string

import pytest
from django.conf import settings

from relaypanel.accounts import keys, throttle
from relaypanel.api_v2 import actions, door, ids, request, wire
from relaypanel.errors import Refused
from relaypanel.ledger import book
from relaypanel.orders import place, requests, types
from tests import cast

# What a call can run into, with what its words speak of.
REFUSALS: list[tuple[Refused, str]] = [
    (keys.BadKey(), "Invalid API key"),
    (actions.IncorrectAction(), "Incorrect action"),
    (place.IncorrectService(), "Incorrect service ID"),
    (types.BadLink(), "Bad link"),
    (types.QuantityTooSmall(minimum=200), "Quantity less than minimal 200"),
    (types.QuantityTooLarge(maximum=1000), "Quantity more than maximum 1000"),
    (types.IncorrectField("comments"), "Incorrect comments"),
    (types.DripFeedDisabled(), "Drip-feed is disabled for this service"),
    (
        book.NotEnoughFunds(user_id=1, balance_e8=0, change_e8=-1),
        "Not enough funds on balance",
    ),
    (
        place.LinkBusy(),
        "You have active order with this link. Please wait until order being completed.",
    ),
    (place.ClientRefReused(), "This client_ref was used for another order"),
    (requests.OrderNotFound(), "Incorrect order ID"),
    (ids.TooManyIds(), "Too many IDs: at most 100"),
    (throttle.TooManyCalls(wait_seconds=1.5), "Too many requests"),
    (requests.CancelDisabled(), "Cancel is disabled for this service"),
    (requests.CancelTooLate(), "The order can no longer be canceled"),
    (requests.RefillDisabled(), "Refill is disabled for this service"),
    (requests.RefillRunning(), "The refill task is not completed for this order"),
    (
        requests.RefillTooSoon(until=cast.NOW),
        "The order was completed or refill was requested less than 24 hours ago",
    ),
    (requests.RefillDaysOver(), "Refill days are over"),
    (requests.OrderNotCompleted(), "The order is not completed"),
    (actions.RefillNotFound(), "Refill not found"),
    (request.NotPost(), "Use the POST method"),
    (request.BodyCompressed(), "Send the body without compression"),
    (request.BodyTooLarge(bytes_max=9), "The body is too large: at most 9 bytes"),
    (request.BodyIncomplete(), "The body is shorter than its Content-Length says"),
    (
        request.UnknownContentType(),
        "Send the parameters as application/x-www-form-urlencoded, "
        "multipart/form-data or application/json",
    ),
    (request.UnreadableForm(), "The form could not be read"),
    (request.UnreadableJson(), "The body is not a JSON object"),
    (request.TooManyFields(), "Too many parameters: at most 1000"),
    (request.RepeatedParameter("quantity"), "Repeated parameter: quantity"),
]


class TestWords:
    @pytest.mark.parametrize(("refused", "words"), REFUSALS)
    def test_are_frozen(self, refused: Refused, words: str) -> None:
        assert wire.error(refused) == {"error": words}

    def test_are_all_in_the_list_above(self) -> None:
        assert {refused.code for refused, _ in REFUSALS} == set(wire.WORDS)

    @pytest.mark.parametrize(
        "module", [actions, door, ids, keys, request, place, requests, throttle, types]
    )
    def test_exist_for_each_refusal_that_a_call_can_meet(self, module: object) -> None:
        codes = {
            refusal.code
            for _, refusal in inspect.getmembers(module, inspect.isclass)
            if issubclass(refusal, Refused) and refusal is not Refused
        }

        # A call names no price that it was shown.
        assert codes - {place.PriceRose.code} <= set(wire.WORDS)

    @pytest.mark.parametrize("words", wire.WORDS.values())
    def test_stand_on_the_page_for_resellers(self, words: str) -> None:
        page = (settings.BASE_DIR / "docs" / "api-v2.md").read_text()

        assert f"`{words.partition('{')[0]}" in page

    def test_speak_of_nothing_but_the_refusal(self) -> None:
        named = {
            name
            for words in wire.WORDS.values()
            for _, name, _, _ in string.Formatter().parse(words)
            if name
        }

        assert named == {
            "refused.bytes_max",
            "refused.field",
            "refused.fields_max",
            "refused.ids_max",
            "refused.maximum",
            "refused.minimum",
            "refused.name",
        }


class TestEncode:
    def test_leaves_text_as_it_is_read(self) -> None:
        assert wire.encode({"name": "Việt 👍 </b>"}) == '{"name":"Việt 👍 </b>"}'.encode()
