from __future__ import annotations

import json
from typing import Any

import pytest

from relaypanel.simulator import replies
from relaypanel.simulator.faults import Fault, FaultKind, Faults
from relaypanel.simulator.replies import Reply
from tests.simulator.buyer import LINK, Buyer

ADD = {"key": "any", "action": "add", "service": "201", "link": LINK, "quantity": "300"}

ANSWERED = (
    FaultKind.TIMEOUT_AFTER_ACCEPT,
    FaultKind.LATENCY,
    FaultKind.HTTP_500_AFTER_ACCEPT,
    FaultKind.RESET_AFTER_ACCEPT,
    FaultKind.DUPLICATE_ID,
    FaultKind.NEGATIVE_REMAINS,
    FaultKind.UNKNOWN_WORD,
    FaultKind.MUDDLED,
    FaultKind.POISON,
)


def reply(buyer: Buyer, form: dict[str, str], kind: FaultKind | None, **more: Any) -> Reply:
    faults = Faults()
    if kind is not None:
        faults.add(Fault(kind=kind, **more))
    return replies.reply(panel=buyer.panel, faults=faults, form=form)


def answer(buyer: Buyer, form: dict[str, str], kind: FaultKind, **more: Any) -> Any:
    return json.loads(reply(buyer, form, kind, **more).body)


class TestReply:
    def test_is_the_answer_as_json(self) -> None:
        assert reply(Buyer(), ADD, None) == Reply(body=b'{"order":1}')

    def test_writes_vietnamese_as_it_is(self) -> None:
        body = reply(Buyer(), {"key": "any", "action": "services"}, None).body

        assert "Dịch vụ Facebook".encode() in body

    @pytest.mark.parametrize("kind", FaultKind)
    def test_counts_the_call_and_takes_the_order_as_the_fault_says(self, kind: FaultKind) -> None:
        buyer = Buyer()

        reply(buyer, ADD, kind)

        assert buyer.panel.calls == {"add": 1}
        assert buyer.panel.accepted.total() == (1 if kind in ANSWERED else 0)

    @pytest.mark.parametrize(
        ("kind", "spoiled"),
        [
            (FaultKind.TIMEOUT_AFTER_ACCEPT, Reply(body=b'{"order":1}', wait_seconds=600)),
            (FaultKind.LATENCY, Reply(body=b'{"order":1}', wait_seconds=1)),
            (FaultKind.GARBAGE, Reply(body=b'\xff\x00{"order": 12')),
            (FaultKind.EMPTY, Reply(body=b"")),
            (FaultKind.RESET_AFTER_ACCEPT, Reply(body=b"", is_reset=True)),
        ],
    )
    def test_is_spoiled_by_the_fault(self, kind: FaultKind, spoiled: Reply) -> None:
        assert reply(Buyer(), ADD, kind) == spoiled

    @pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER_ACCEPT, FaultKind.LATENCY])
    def test_comes_as_late_as_it_was_told(self, kind: FaultKind) -> None:
        assert reply(Buyer(), ADD, kind, seconds=0.25).wait_seconds == 0.25

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            (FaultKind.HTTP_500, 500),
            (FaultKind.HTTP_500_AFTER_ACCEPT, 500),
            (FaultKind.HTML, 200),
        ],
    )
    def test_is_a_page(self, kind: FaultKind, status: int) -> None:
        page = reply(Buyer(), ADD, kind)

        assert (page.status, page.content_type) == (status, "text/html")
        assert b"<html>" in page.body


class TestError:
    def test_refuses_in_the_words_it_was_told(self) -> None:
        told = answer(Buyer(), ADD, FaultKind.ERROR, words="low balance")

        assert told == {"error": "low balance"}

    def test_has_words_of_its_own(self) -> None:
        told = answer(Buyer(), ADD, FaultKind.ERROR)

        assert told == {"error": "Something went wrong. Please contact support"}


class TestDuplicateId:
    def test_answers_with_the_order_before(self) -> None:
        buyer = Buyer()
        buyer.add(201)
        buyer.add(201)

        assert answer(buyer, ADD, FaultKind.DUPLICATE_ID) == {"order": 2}
        assert buyer.panel.accepted == {LINK: 3}

    def test_has_nothing_to_repeat_at_first(self) -> None:
        assert answer(Buyer(), ADD, FaultKind.DUPLICATE_ID) == {"order": 1}

    def test_leaves_a_refusal_alone(self) -> None:
        buyer = Buyer()
        buyer.add(201)

        told = answer(buyer, ADD | {"link": ""}, FaultKind.DUPLICATE_ID)

        assert told == {"error": "Bad link"}


class TestStatusFaults:
    def test_say_that_less_than_nothing_is_left(self) -> None:
        buyer = Buyer()
        form = {"key": "any", "action": "status", "order": buyer.add(201)}

        assert answer(buyer, form, FaultKind.NEGATIVE_REMAINS)["remains"] == "-7"

    def test_say_a_word_that_nobody_knows(self) -> None:
        buyer = Buyer()
        form = {"key": "any", "action": "status", "order": buyer.add(201)}

        assert answer(buyer, form, FaultKind.UNKNOWN_WORD)["status"] == "Awaiting moderation"
        told = answer(buyer, form, FaultKind.UNKNOWN_WORD, words="Fail")
        assert told["status"] == "Fail"

    def test_reach_each_order_of_a_list(self) -> None:
        buyer = Buyer()
        buyer.add(201)
        buyer.add(201)
        form = {"key": "any", "action": "status", "orders": "1,2,3"}

        told = answer(buyer, form, FaultKind.NEGATIVE_REMAINS)

        assert [told[order].get("remains") for order in ("1", "2", "3")] == ["-7", "-7", None]

    def test_leave_a_list_of_rows_alone(self) -> None:
        form = {"key": "any", "action": "services"}

        assert len(answer(Buyer(), form, FaultKind.UNKNOWN_WORD)) > 17


class TestMuddled:
    def ask(self, **fields: str) -> Any:
        buyer = Buyer()
        buyer.panel.adopts = True
        return answer(buyer, {"key": "any", "action": "status"} | fields, FaultKind.MUDDLED)

    def test_lacks_repeats_spoils_and_adds_rows(self) -> None:
        [nothing, text, *rows] = self.ask(orders="2,3,7,9")

        canceled = {"status": "Canceled", "remains": "0"}
        assert (nothing, text) == (None, "?")
        assert [row["order"] for row in rows[:4]] == ["2", "7", "7", "9"]
        assert [row["status"] for row in rows[:4]] == [
            "In progress",
            "In progress",
            "Canceled",
            [{}],
        ]
        assert rows[4:] == [{"order": str(number), **canceled} for number in range(10, 20)]

    @pytest.mark.parametrize("fields", [{"order": "3"}, {"orders": ""}])
    def test_leaves_other_answers_alone(self, fields: dict[str, str]) -> None:
        assert isinstance(self.ask(**fields), dict)

    def test_adds_rows_to_ids_that_are_no_numbers(self) -> None:
        assert self.ask(orders="x")[3]["order"] == "1"


class TestPoison:
    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"orders": "1,213,2"}, 500),
            ({"order": "13"}, 500),
            ({"orders": "1,12,131"}, 200),
            ({"order": "12"}, 200),
        ],
    )
    def test_spoils_the_calls_that_name_it(self, fields: dict[str, str], status: int) -> None:
        form = {"key": "any", "action": "status"} | fields

        assert reply(Buyer(), form, FaultKind.POISON).status == status

    def test_is_the_one_that_is_told(self) -> None:
        form = {"key": "any", "action": "status", "orders": "13"}

        assert reply(Buyer(), form, FaultKind.POISON, words="50").status == 200
