from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel.errors import ProviderError
from relaypanel.providers import faults
from relaypanel.providers.answers import Fault, Rejected

WORDS = {
    Fault.BAD_KEY: (
        "Invalid API key",
        "Incorrect API key",
        "invalid_key",
        "error.incorrect_api_key",
        "API key is invalid",
        "Api key not found",
        "The api key is required",
        "Wrong token",
        "Unauthorized",
        "Unauthenticated.",
        "Access denied",
        "User is suspended",
        "Your account has been blocked",
        "IP address not allowed",
    ),
    Fault.NO_FUNDS: (
        "Not enough funds on balance",
        "Not enough balance on your account",
        "not enough user balance",
        "neworder.error.not_enough_funds",
        "low balance",
        "Insufficient balance",
        "insufficient funds",
        "Your balance is too low",
    ),
    Fault.LINK_BUSY: (
        "You have active order with this link. Please wait until order being completed.",
        "neworder.error.link_duplicate",
        "Duplicate link",
        "An order with the same link is already in progress",
        "Link already in use",
        "You have an active order for this page, try again later",
    ),
    Fault.RATE_LIMIT: (
        "Too many requests",
        "Rate limit exceeded",
        "error.rate_limit",
        "Request limit reached",
        "Please try again later",
        "Under maintenance",
        "Service Unavailable",
        "The service is temporarily disabled",
    ),
    Fault.UNKNOWN_ORDER: (
        "Incorrect order ID",
        "error.incorrect_order_id",
        "Invalid order",
        "Order not found",
        "order.error.not_found",
        "Order ID 5 does not exist",
        "Refill not found",
        "Incorrect refill ID",
        "incorrect_refill_id",
    ),
    Fault.NOT_POSSIBLE: (
        "Refill is disabled for this service",
        "The refill task is not completed for this order",
        "The order was completed or refill was requested less than 24 hours ago",
        "Refill days are over",
        "The order is not completed",
        "Cancel is disabled for this service",
        "The order can no longer be canceled",
        "Order cannot be cancelled",
        "Order can't be canceled",
        "Order can’t be refilled",
        "Cancellation is not available",
        "Already cancelled",
        "Refill is already in progress",
        "Not available for refill",
    ),
    Fault.NEVER: (
        "Bad link",
        "Incorrect link",
        "Invalid URL",
        "Link is not valid",
        "Link is required",
        "Quantity less than minimal 200",
        "Quantity more than maximum 1000",
        "neworder.error.min_quantity",
        "neworder.error.max_quantity",
        "error.incorrect_quantity",
        "Incorrect quantity",
        "Incorrect comments",
        "Incorrect usernames",
        "Incorrect google_keyword",
        "Minimum quantity is 100",
        "Max 5000",
        "Drip-feed is disabled for this service",
        "Incorrect runs",
        "Incorrect interval",
        "Username is private",
        "This link is in our blacklist",
    ),
    Fault.SERVICE_DEAD: (
        "Incorrect service ID",
        "error.incorrect_service_id",
        "Invalid service",
        "Service not found",
        "Service 12 is disabled",
        "Service ID does not exist",
        "The service is not active",
        "inactive service",
        "neworder.error.service_not_found",
    ),
    Fault.OTHER: (
        "Incorrect action",
        "Incorrect request",
        "Something went wrong",
        "Too many IDs: at most 100",
        "Lỗi không xác định",
        "Ошибка",
        "monkey business",
        "",
    ),
}


class TestRejected:
    @pytest.mark.parametrize(
        ("words", "fault"), [(words, fault) for fault, said in WORDS.items() for words in said]
    )
    def test_knows_the_fault_by_its_words(self, words: str, fault: Fault) -> None:
        for spelled in (words, words.upper(), f"  {words}!"):
            assert faults.rejected(spelled).fault is fault

    @pytest.mark.parametrize(
        ("status", "fault"),
        [(401, Fault.BAD_KEY), (429, Fault.RATE_LIMIT), (400, Fault.OTHER), (403, Fault.OTHER)],
    )
    def test_goes_by_the_status_when_the_words_say_nothing(self, status: int, fault: Fault) -> None:
        assert faults.rejected("Oops", status=status).fault is fault

    def test_believes_the_words_before_the_status(self) -> None:
        assert faults.rejected("Bad link", status=429).fault is Fault.NEVER

    @pytest.mark.parametrize(
        ("words", "shown"),
        [
            ("Bad link https://panel.example/?key=1, sorry", "Bad link [address] sorry"),
            (
                "see HTTP://x and //y or www.z.example now",
                "see [address] and [address] or [address] now",
            ),
            ("one\r\n\ttwo\x00three\u202efour", "one two three four"),
            ("x" * 500, "x" * 200),
        ],
    )
    def test_shows_one_short_line_without_addresses(self, words: str, shown: str) -> None:
        assert faults.rejected(words).words == shown

    @given(st.text(max_size=3000))
    def test_takes_any_text(self, words: str) -> None:
        refusal = faults.rejected(words)

        assert len(refusal.words) <= 200
        assert refusal.words.isprintable()

    @pytest.mark.parametrize("word", ["refill ", "order same ", "not a ", "key is "])
    def test_is_quick_with_words_without_end(self, word: str) -> None:
        refusal = faults.rejected(word * 200_000)

        assert len(refusal.words) == 200


class TestDeclined:
    def test_says_why(self) -> None:
        declined = faults.Declined(Rejected(fault=Fault.BAD_KEY, words="Invalid API key"))

        assert isinstance(declined, ProviderError)
        assert declined.fault is Fault.BAD_KEY
        assert str(declined) == "Invalid API key"
