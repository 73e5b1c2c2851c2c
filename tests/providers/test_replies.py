from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel.contract import OrderWord, RefillWord, SubscriptionWord
from relaypanel.errors import ProviderError
from relaypanel.http import Reply
from relaypanel.providers import dialect, replies
from relaypanel.providers.answers import (
    Accepted,
    AddAnswer,
    Balance,
    Fault,
    NotSent,
    RefillStatus,
    RefillTaken,
    Rejected,
    Unclear,
    UpstreamStatus,
)
from relaypanel.providers.dialect import Json
from relaypanel.providers.faults import Declined

HTML = "<!DOCTYPE html><title>Just a moment...</title>"
UNKNOWN = Rejected(fault=Fault.UNKNOWN_ORDER, words="Incorrect order ID")

ACCEPTED = [
    (200, '{"order": 23501}'),
    (200, '{"order": "23501"}'),
    (200, '{"order": 23501.0}'),
    (200, '{"order": " 23501 "}'),
    (201, '{"order": 23501}'),
    (200, '{"status": "success", "order": 23501}'),
    (200, '{"order": 23501, "charge": "0.5", "currency": "USD"}'),
    (200, '{"order": 23501, "error": null}'),
    (200, '{"order": 23501, "error": ""}'),
    (200, '{"order": 23501, "error": false, "errors": []}'),
    (200, '\ufeff{"order": 23501}'),
    (200, '\r\n {"order": 23501}\n'),
]

REJECTED = [
    (200, '{"error": "Quantity less than minimal 200"}', Fault.NEVER),
    (200, '{"error": "Bad link"}', Fault.NEVER),
    (200, '{"error": "neworder.error.min_quantity"}', Fault.NEVER),
    (200, '{"error": "Incorrect service ID"}', Fault.SERVICE_DEAD),
    (200, '{"error": "error.incorrect_service_id"}', Fault.SERVICE_DEAD),
    (200, '{"error": "neworder.error.link_duplicate"}', Fault.LINK_BUSY),
    (200, '{"error": "neworder.error.not_enough_funds"}', Fault.NO_FUNDS),
    (200, '{"error": "low balance"}', Fault.NO_FUNDS),
    (200, '{"error": "Invalid API key"}', Fault.BAD_KEY),
    (400, '{"error": "Bad link"}', Fault.NEVER),
    (401, '{"error": "Nope"}', Fault.BAD_KEY),
    (403, '{"error": "Invalid API key"}', Fault.BAD_KEY),
    (404, '{"error": "Incorrect service ID"}', Fault.SERVICE_DEAD),
    (422, '{"status": "fail", "error": "Incorrect quantity"}', Fault.NEVER),
    (429, '{"error": "Slow it"}', Fault.RATE_LIMIT),
    (200, '{"error": "Что-то не так"}', Fault.OTHER),
]

UNCLEAR = [
    *((status, '{"order": 23501}') for status in (100, 199, 300, 302, 307, 400, 403, 500, 503)),
    *((status, '{"error": "Bad link"}') for status in (301, 308, 500, 502, 503, 504, 520)),
    *((status, HTML) for status in (200, 403, 429, 500, 503)),
    *((200, body) for body in ("", " ", "OK", "null", "true", "23501", '"23501"', "[]", "{}")),
    (200, '[{"order": 23501}]'),
    (200, '{"order": 0}'),
    (200, '{"order": "0"}'),
    (200, '{"order": null}'),
    (200, '{"order": -5}'),
    (200, '{"order": true}'),
    (200, '{"order": "abc"}'),
    (200, '{"order": ""}'),
    (200, '{"order": 1.5}'),
    (200, '{"order": 1e9}'),
    (200, '{"order": "00012"}'),
    (200, '{"order": [23501]}'),
    (200, '{"order": {"id": 23501}}'),
    (200, '{"order": 99999999999999999999}'),
    (200, '{"order": 23501, "order": 23502}'),
    (200, '{"order": 23501}{"order": 23502}'),
    (200, '{"order": 23501'),
    (200, '{"order": NaN}'),
    (200, "<br />Notice: undefined{'order': 1}"),
    (200, '{"order": 32, "error": "low balance"}'),
    (200, '{"order": null, "error": "low balance"}'),
    (200, '{"order_id": 32, "error": "low balance"}'),
    (200, '{"error": true}'),
    (200, '{"error": 5}'),
    (200, '{"error": "17"}'),
    (200, '{"error": ""}'),
    (200, '{"error": {"message": "Bad link"}}'),
    (200, '{"error": ["Bad link"]}'),
    (200, '{"status": "error", "message": "Bad link"}'),
    (200, '{"status": "success"}'),
    (200, '{"orders": [1, 2]}'),
    (200, '{"Order": 5}'),
    (200, "[" * 100_000),
]

# Of an order, nothing is told by these.
NOTHING: list[Any] = [None, 5, "", "7", True, [], {}, {"charge": "1"}]


def reply(status: int, body: str | bytes) -> Reply:
    raw = body if isinstance(body, bytes) else body.encode()
    return Reply(status=status, content_type="text/html", body=raw)


def parsed(document: Any) -> Json:
    return dialect.decode(json.dumps(document).encode())


class TestClassify:
    @pytest.mark.parametrize(("status", "body"), ACCEPTED)
    def test_accepts_a_plain_order(self, status: int, body: str) -> None:
        assert replies.classify(reply(status, body)) == Accepted(upstream_id="23501")

    @pytest.mark.parametrize(("status", "body", "fault"), REJECTED)
    def test_rejects_on_plain_words(self, status: int, body: str, fault: Fault) -> None:
        answer = replies.classify(reply(status, body))

        assert isinstance(answer, Rejected)
        assert answer.fault is fault

    @pytest.mark.parametrize(("status", "body"), UNCLEAR)
    def test_is_unclear_about_all_else(self, status: int, body: str) -> None:
        assert isinstance(replies.classify(reply(status, body)), Unclear)

    @given(st.integers(100, 599), st.binary(max_size=80))
    def test_has_an_answer_to_any_bytes(self, status: int, body: bytes) -> None:
        answer: AddAnswer = replies.classify(reply(status, body))

        assert not isinstance(answer, NotSent)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(st.sampled_from(["order", "error", "status", "x"]), inner)
            ),
        )
    )
    def test_accepts_nothing_but_a_positive_number(self, document: Any) -> None:
        answer = replies.classify(reply(200, json.dumps(document)))

        if isinstance(answer, Accepted):
            assert int(answer.upstream_id) > 0
            assert not document.get("error")


class TestDocument:
    def test_returns_the_json_of_a_reply(self) -> None:
        assert replies.document(reply(200, '{"balance": "1"}')) == {"balance": "1"}

    @pytest.mark.parametrize("status", [400, 403, 404, 422])
    def test_returns_a_refusal_under_an_error_status(self, status: int) -> None:
        body = '{"error": "Incorrect order ID"}'

        assert replies.document(reply(status, body)) == {"error": "Incorrect order ID"}

    @pytest.mark.parametrize(
        ("status", "body", "fault"),
        [
            (403, '{"error": "Invalid API key"}', Fault.BAD_KEY),
            (401, '{"message": "Nope", "error": true}', Fault.BAD_KEY),
            (429, '{"error": "Slow it"}', Fault.RATE_LIMIT),
            (402, '{"error": "low balance"}', Fault.NO_FUNDS),
        ],
    )
    def test_raises_for_a_refusal_of_the_call(self, status: int, body: str, fault: Fault) -> None:
        with pytest.raises(Declined) as declined:
            replies.document(reply(status, body))

        assert declined.value.fault is fault

    @pytest.mark.parametrize(
        ("status", "body", "words"),
        [
            (200, HTML, "HTTP 200 without one JSON document"),
            (403, HTML, "HTTP 403 without one JSON document"),
            (200, "", "HTTP 200 without one JSON document"),
            (302, "{}", "HTTP 302"),
            (404, "{}", "HTTP 404"),
            (404, '{"1": {"status": "Completed"}}', "HTTP 404"),
            (500, '{"error": "Incorrect order ID"}', "HTTP 500"),
        ],
    )
    def test_raises_for_anything_else(self, status: int, body: str, words: str) -> None:
        with pytest.raises(ProviderError) as failed:
            replies.document(reply(status, body))

        assert str(failed.value) == words


class TestStatuses:
    def test_reads_the_specification(self) -> None:
        document = {
            "123": {
                "charge": "0.27819",
                "start_count": "3572",
                "status": "Partial",
                "remains": "157",
            },
            "456": {"error": "Incorrect order ID"},
        }

        told = replies.statuses(parsed(document), ids=["123", "456"])

        assert told == {
            "123": UpstreamStatus(
                word=OrderWord.PARTIAL, start_count=3572, remains=157, cost_e8=27_819_000
            ),
            "456": UNKNOWN,
        }

    @pytest.mark.parametrize(
        "document",
        [
            {"5": {"status": "in_progress", "remains": 7, "start_count": 3, "charge": 0.5}},
            [
                {
                    "order": 5,
                    "status": "In progress",
                    "remains": "7.0",
                    "start_count": "3",
                    "charge": "0.5",
                }
            ],
            [
                {
                    "id": "5",
                    "status": "IN PROGRESS",
                    "remains": 7,
                    "start_count": 3,
                    "charge": "0.50",
                }
            ],
            {"order": 5, "status": "in-progress", "remains": 7, "start_count": 3, "charge": 0.5},
            {"status": "In Progress", "remains": 7, "start_count": 3, "charge": "5e-1"},
            [{"status": "In Progress", "remains": "7", "start_count": 3, "charge": "0.5"}],
        ],
    )
    def test_reads_every_shape(self, document: Any) -> None:
        told = replies.statuses(parsed(document), ids=["5"])

        assert told["5"] == UpstreamStatus(
            word=OrderWord.IN_PROGRESS, start_count=3, remains=7, cost_e8=50_000_000
        )

    @pytest.mark.parametrize(
        ("remains", "read"),
        [
            (None, None),
            ("Unknown", None),
            ("", None),
            ("1.5", None),
            ("NaN", None),
            (10**30, None),
            (-5, -5),
            (10**9, 10**9),
            ("0", 0),
        ],
    )
    def test_tells_numbers_as_they_came_or_not_at_all(self, remains: Any, read: int | None) -> None:
        row = {"status": "Partial", "remains": remains, "start_count": remains, "charge": "0,27"}

        told = replies.statuses(parsed({"5": row}), ids=["5"])

        assert told["5"] == UpstreamStatus(
            word=OrderWord.PARTIAL, start_count=read, remains=read, cost_e8=None
        )

    def test_knows_no_negative_cost(self) -> None:
        told = replies.statuses(parsed({"5": {"status": "Pending", "charge": "-3"}}), ids=["5"])

        assert isinstance(told["5"], UpstreamStatus)
        assert told["5"].cost_e8 is None

    @pytest.mark.parametrize("word", ["Awaiting", "", None, 5, True, ["Completed"]])
    def test_keeps_an_unknown_word_unknown(self, word: Any) -> None:
        told = replies.statuses(parsed({"5": {"status": word, "remains": 1}}), ids=["5"])

        # A number arrives as its text.
        said = str(word) if word in ("Awaiting", 5) and word is not True else ""
        assert told["5"] == UpstreamStatus(
            word=None, start_count=None, remains=1, cost_e8=None, said=said
        )

    def test_keeps_an_unknown_word_for_staff_without_addresses(self) -> None:
        words = "Waiting,  see\nhttps://panel.example/?key=1"

        told = replies.statuses(parsed({"5": {"status": words}}), ids=["5"])

        assert getattr(told["5"], "said", None) == "Waiting, see [address]"

    def test_tells_an_order_that_failed_from_a_call_that_failed(self) -> None:
        order = {"status": "Error", "charge": "0", "remains": "100"}
        call = {"status": "error", "message": "Database is gone"}

        told = replies.statuses(parsed({"5": order, "6": call}), ids=["5", "6"])

        assert isinstance(told["5"], UpstreamStatus)
        assert told["5"].word is OrderWord.CANCELED
        assert told["6"] == Rejected(fault=Fault.OTHER, words="Database is gone")

    def test_returns_only_what_was_asked(self) -> None:
        row: dict[str, Any] = {"status": "Completed"}
        document: dict[str, Any] = {"5": row, "999": row, "error_count": 0, "": row}

        told = replies.statuses(parsed(document), ids=["5", "6"])

        assert told.keys() == {"5"}

    @pytest.mark.parametrize(
        "document",
        [
            {"999": {"status": "Completed"}},
            {"order": 999, "status": "Completed"},
            [{"order": 999, "status": "Completed"}],
            [{"order": 5, "status": "Completed"}, {"order": 5, "status": "Canceled"}],
            {"5": {"status": "Completed"}, " 5": {"status": "Canceled"}},
            [{"status": "Completed"}, {"status": "Canceled"}],
            *({"5": row} for row in NOTHING),
            *([], {}, [None], ["5"], [5], [["5"]]),
            {"remains": "5"},
        ],
    )
    def test_is_silent_of_what_cannot_be_told(self, document: Any) -> None:
        assert replies.statuses(parsed(document), ids=["5"]) == {}

    @pytest.mark.parametrize("document", [{"999": {"status": "Completed"}}, {}, []])
    def test_is_silent_of_orders_that_nobody_asked_about(self, document: Any) -> None:
        assert replies.statuses(parsed(document), ids=["5", "6"]) == {}

    def test_spoils_no_other_row(self) -> None:
        document: Any = {
            "5": {"status": "Completed"},
            "6": None,
            "7": "Incorrect order ID",
            "8": [[]],
        }

        told = replies.statuses(parsed(document), ids=["5", "6", "7", "8"])

        assert told.keys() == {"5", "7"}
        assert told["7"] == UNKNOWN

    def test_reads_the_orders_of_a_subscription(self) -> None:
        row = {"status": "Active", "expiry": None, "posts": "1", "orders": ["22", 23, "22", "x", 0]}

        told = replies.statuses(parsed({"5": row}), ids=["5"])

        assert told["5"] == UpstreamStatus(
            word=None,
            start_count=None,
            remains=None,
            cost_e8=None,
            children=("22", "23"),
            subscription=SubscriptionWord.ACTIVE,
        )

    def test_takes_no_plain_order_for_a_subscription(self) -> None:
        told = replies.statuses({"5": {"status": "Completed", "remains": "0"}}, ids=["5"])

        assert told["5"] == UpstreamStatus(
            word=OrderWord.COMPLETED, start_count=None, remains=0, cost_e8=None
        )

    @pytest.mark.parametrize(
        ("orders", "children"),
        [("22, 23", ("22", "23")), ("", ()), (None, ()), ({}, ()), (True, ())],
    )
    def test_reads_children_in_any_form(self, orders: Any, children: tuple[str, ...]) -> None:
        told = replies.statuses(parsed({"5": {"status": "Pending", "orders": orders}}), ids=["5"])

        assert isinstance(told["5"], UpstreamStatus)
        assert told["5"].children == children
        assert told["5"].subscription is None

    def test_takes_a_refusal_for_the_only_order_asked(self) -> None:
        told = replies.statuses({"error": "Incorrect order ID"}, ids=["5"])

        assert told == {"5": UNKNOWN}

    @pytest.mark.parametrize("ids", [["5"], ["5", "6"]])
    def test_raises_when_the_call_was_refused(self, ids: list[str]) -> None:
        with pytest.raises(Declined, match="Invalid API key"):
            replies.statuses({"error": "Invalid API key"}, ids=ids)

    def test_raises_when_nobody_knows_whom_a_refusal_is_about(self) -> None:
        with pytest.raises(Declined) as declined:
            replies.statuses([{"error": "Incorrect order ID"}], ids=["5", "6"])

        assert declined.value.fault is Fault.UNKNOWN_ORDER

    @pytest.mark.parametrize("document", [None, True, 5, "Completed"])
    def test_raises_when_there_are_no_rows(self, document: Any) -> None:
        with pytest.raises(ProviderError, match="neither an object nor a list"):
            replies.statuses(parsed(document), ids=["5"])


class TestCancels:
    def test_reads_the_specification(self) -> None:
        document = [
            {"order": 9, "cancel": {"error": "Incorrect order ID"}},
            {"order": 2, "cancel": 1},
        ]

        assert replies.cancels(parsed(document), ids=["9", "2"]) == {"9": UNKNOWN, "2": None}

    @pytest.mark.parametrize(
        "document",
        [
            [{"order": "2", "cancel": "1"}],
            [{"order": 2, "cancel": True}],
            [{"order": 2, "cancel": "Success"}],
            [{"order": 2, "cancel": 7714}],
            [{"order": 2, "success": True}],
            [{"order": 2, "status": "Canceled"}],
            *({"2": row} for row in ({"cancel": 1}, 1, True, "ok")),
            {"cancel": 1},
            {"success": True},
            {"status": "success"},
        ],
    )
    def test_is_taken_in_every_shape(self, document: Any) -> None:
        assert replies.cancels(parsed(document), ids=["2"]) == {"2": None}

    @pytest.mark.parametrize(
        "document",
        [
            [{"order": 2, "cancel": "Incorrect order ID"}],
            [{"order": 2, "cancel": 1, "error": "Incorrect order ID"}],
            {"2": {"error": "Incorrect order ID"}},
            {"2": "Incorrect order ID"},
            {"error": "Incorrect order ID"},
        ],
    )
    def test_is_refused_in_every_shape(self, document: Any) -> None:
        assert replies.cancels(parsed(document), ids=["2"]) == {"2": UNKNOWN}

    @pytest.mark.parametrize("no", [0, "0", False])
    def test_is_refused_without_a_reason(self, no: Any) -> None:
        told = replies.cancels(parsed([{"order": 2, "cancel": no}]), ids=["2"])

        assert told == {"2": Rejected(fault=Fault.OTHER, words="it says no and not why")}

    @pytest.mark.parametrize(
        "document",
        [
            [],
            [{"order": 2}],
            [{"order": 2, "cancel": None}],
            [{"order": 2, "cancel": []}],
            {"a": 1},
        ],
    )
    def test_is_not_told(self, document: Any) -> None:
        assert replies.cancels(parsed(document), ids=["2"]) == {}


class TestRefills:
    def test_reads_the_specification(self) -> None:
        document = [
            {"order": 1, "refill": 11},
            {"order": 2, "refill": "12"},
            {"order": 3, "refill": {"error": "Incorrect order ID"}},
        ]

        assert replies.refills(parsed(document), ids=["1", "2", "3"]) == {
            "1": RefillTaken(upstream_id="11"),
            "2": RefillTaken(upstream_id="12"),
            "3": UNKNOWN,
        }

    @pytest.mark.parametrize(
        "document", [{"refill": "1"}, {"refill": 1}, {"5": 1}, {"5": {"refill": 1}}]
    )
    def test_reads_a_single_one(self, document: Any) -> None:
        assert replies.refills(parsed(document), ids=["5"]) == {"5": RefillTaken(upstream_id="1")}

    @pytest.mark.parametrize(
        "document",
        [
            {"refill": {"error": "Incorrect order ID"}},
            {"refill": "Incorrect order ID"},
            {"error": "Incorrect order ID"},
            {"5": "Incorrect order ID"},
        ],
    )
    def test_is_refused_in_every_shape(self, document: Any) -> None:
        assert replies.refills(parsed(document), ids=["5"]) == {"5": UNKNOWN}

    @pytest.mark.parametrize("no", [0, "0", False])
    def test_is_refused_without_a_reason(self, no: Any) -> None:
        told = replies.refills(parsed({"refill": no}), ids=["5"])

        assert told == {"5": Rejected(fault=Fault.OTHER, words="it says no and not why")}

    @pytest.mark.parametrize("document", [{"refill": None}, {"refill": True}, {"refill": []}, []])
    def test_is_not_told(self, document: Any) -> None:
        assert replies.refills(parsed(document), ids=["5"]) == {}


class TestRefillStatuses:
    def test_reads_the_specification(self) -> None:
        document = [
            {"refill": 1, "status": "Completed"},
            {"refill": 2, "status": "Rejected"},
            {"refill": 3, "status": {"error": "Refill not found"}},
        ]

        assert replies.refill_statuses(parsed(document), ids=["1", "2", "3"]) == {
            "1": RefillStatus(word=RefillWord.COMPLETED),
            "2": RefillStatus(word=RefillWord.REJECTED),
            "3": Rejected(fault=Fault.UNKNOWN_ORDER, words="Refill not found"),
        }

    @pytest.mark.parametrize(
        "document",
        [
            {"status": "Completed"},
            {"refill": 7, "status": "completed"},
            [{"status": "Completed"}],
            [{"refill": "7", "status": "COMPLETED"}],
            {"7": {"status": "Completed"}},
            {"7": "Completed"},
        ],
    )
    def test_reads_a_single_one(self, document: Any) -> None:
        told = replies.refill_statuses(parsed(document), ids=["7"])

        assert told == {"7": RefillStatus(word=RefillWord.COMPLETED)}

    def test_takes_a_failed_refill_for_a_rejected_one(self) -> None:
        told = replies.refill_statuses(parsed({"status": "Failed"}), ids=["7"])

        assert told == {"7": RefillStatus(word=RefillWord.REJECTED)}

    def test_keeps_an_unknown_word_unknown(self) -> None:
        told = replies.refill_statuses(parsed({"status": "Queued"}), ids=["7"])

        assert told == {"7": RefillStatus(word=None)}

    @pytest.mark.parametrize("document", [{"status": None}, {"status": []}, {"refill": 7}, []])
    def test_is_not_told(self, document: Any) -> None:
        assert replies.refill_statuses(parsed(document), ids=["7"]) == {}


class TestBalance:
    @pytest.mark.parametrize("told", ["100.84292", 100.84292, " 100.842920 "])
    def test_reads_the_specification(self, told: Any) -> None:
        read = replies.balance(parsed({"balance": told, "currency": "usd"}), currency="VND")

        assert read == Balance(amount_e8=10_084_292_000, currency="USD")

    def test_may_be_below_zero(self) -> None:
        read = replies.balance(parsed({"balance": "-1.5", "currency": None}), currency="VND")

        assert read == Balance(amount_e8=-150_000_000, currency="VND")

    def test_raises_for_a_refusal(self) -> None:
        with pytest.raises(Declined, match="Invalid API key"):
            replies.balance({"error": "Invalid API key"}, currency="USD")

    @pytest.mark.parametrize("document", [{}, [], None, {"balance": "1,000.5"}, {"balance": None}])
    def test_raises_when_it_cannot_be_read(self, document: Any) -> None:
        with pytest.raises(ProviderError, match="cannot be read"):
            replies.balance(parsed(document), currency="USD")
