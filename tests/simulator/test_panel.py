from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import money
from relaypanel.simulator.catalogue import SERVICES
from tests.simulator.buyer import LINK, Buyer

ENDS_WELL = [offer for offer in SERVICES if offer.course is None and offer.id != 303]
REFILLED = [offer.id for offer in ENDS_WELL if offer.refill]
CANCELED = [offer.id for offer in ENDS_WELL if offer.cancel]
ORDINARY = [offer.id for offer in ENDS_WELL if not offer.refill and not offer.cancel]


class TestAnswer:
    @pytest.mark.parametrize("form", [{}, {"key": "", "action": "balance"}])
    def test_needs_a_key(self, form: dict[str, str]) -> None:
        assert Buyer().panel.answer(form) == {"error": "Invalid API key"}

    def test_takes_its_own_key_only_when_it_has_one(self) -> None:
        assert Buyer(key="any").balance() == "1000000"
        assert Buyer(key="other").ask("balance") == {"error": "Invalid API key"}

    def test_refuses_an_unknown_action(self) -> None:
        assert Buyer().ask("drop") == {"error": "Incorrect action"}

    def test_counts_calls_by_action(self) -> None:
        buyer = Buyer()

        buyer.ask("balance")
        buyer.ask("balance")
        buyer.ask("drop")

        assert buyer.panel.calls == {"balance": 2, "other": 1}


class TestServices:
    def test_lists_the_catalogue(self) -> None:
        rows = Buyer().ask("services")

        assert [row["service"] for row in rows] == [offer.id for offer in SERVICES]


class TestBalance:
    def test_is_as_the_wire_has_it(self) -> None:
        assert Buyer().ask("balance") == {"balance": "1000000", "currency": "USD"}


class TestAdd:
    @pytest.mark.parametrize("service", [offer.id for offer in SERVICES])
    def test_takes_an_order_for_each_service(self, service: int) -> None:
        assert Buyer(first_id=23501).add(service) == "23501"

    def test_counts_ids_up(self) -> None:
        buyer = Buyer()

        assert [buyer.add(201), buyer.add(101), buyer.add(303)] == ["1", "2", "3"]

    def test_charges_to_the_last_digit(self) -> None:
        buyer = Buyer()

        buyer.add(203, quantity="101")

        assert buyer.balance() == "999999.99949399"

    def test_counts_the_orders_of_a_link(self) -> None:
        buyer = Buyer()

        buyer.add(201)
        buyer.add(101)
        buyer.ask("add", service="201", link=LINK, quantity="0")
        buyer.add(303)

        assert buyer.panel.accepted == {LINK: 2, "an": 1}

    @pytest.mark.parametrize("service", ["", "0", "7", "x", "9" * 30])
    def test_refuses_an_unknown_service(self, service: str) -> None:
        answer = Buyer().ask("add", service=service, link=LINK, quantity="10")

        assert answer == {"error": "Incorrect service ID"}

    def test_refuses_when_the_balance_is_too_small(self) -> None:
        buyer = Buyer(balance_e8=money.parse("0.27"))
        buyer.add(201, quantity="200")

        answer = buyer.ask("add", service="201", link=LINK, quantity="101")

        assert answer == {"error": "Not enough funds on balance"}
        assert buyer.balance() == "0.09"
        assert buyer.panel.accepted == {LINK: 1}

    def test_charges_a_drip_feed_for_all_runs(self) -> None:
        buyer = Buyer()

        order = buyer.add(103, quantity="20", runs="5", interval="1")

        assert buyer.status(order) == {
            "charge": "0.25",
            "start_count": "0",
            "status": "Pending",
            "remains": "100",
            "currency": "USD",
        }


class TestStatus:
    def test_shows_an_order_on_its_way(self) -> None:
        buyer = Buyer(first_id=10)
        order = buyer.add(201)

        seen = []
        for _ in range(6):
            seen.append(buyer.status(order))
            buyer.wait(2)

        charge = {"charge": "0.27", "currency": "USD"}
        assert seen == [
            charge | {"start_count": "0", "status": "Pending", "remains": "300"},
            charge | {"start_count": "0", "status": "Processing", "remains": "300"},
            charge | {"start_count": "7290", "status": "In progress", "remains": "258"},
            charge | {"start_count": "7290", "status": "In progress", "remains": "172"},
            charge | {"start_count": "7290", "status": "In progress", "remains": "86"},
            charge | {"start_count": "7290", "status": "Completed", "remains": "0"},
        ]

    def test_answers_many_at_once_by_the_id_asked(self) -> None:
        buyer = Buyer()
        buyer.add(201)
        buyer.add(301)

        answer = buyer.ask("status", orders=" 1, x,,2 ,9,1," + "9" * 30)

        wrong = {"error": "Incorrect order ID"}
        assert answer == {
            "1": buyer.status("1"),
            "x": wrong,
            "2": buyer.status("2"),
            "9": wrong,
            "9" * 30: wrong,
        }

    def test_refuses_an_unknown_order(self) -> None:
        assert Buyer().status("1") == {"error": "Incorrect order ID"}
        assert Buyer().ask("status") == {"error": "Incorrect order ID"}

    def test_refuses_a_list_without_ids(self) -> None:
        assert Buyer().ask("status", orders=" , ") == {"error": "Incorrect order ID"}

    def test_answers_a_hundred_ids_and_no_more(self) -> None:
        ids = [str(number) for number in range(101)]

        assert len(Buyer().ask("status", orders=",".join(ids[:100]))) == 100
        too_many = {"error": "Too many IDs: at most 100"}
        assert Buyer().ask("status", orders=",".join(ids)) == too_many


class TestAdopt:
    def test_takes_any_other_id_for_an_order_in_progress(self) -> None:
        buyer = Buyer()
        mine = buyer.add(201)
        before = buyer.ask("status", order=mine)
        buyer.panel.adopts = True

        told = buyer.ask("status", orders=f"{mine},77,78")

        assert told[mine] == before
        assert told["77"] == {
            "charge": "0.5",
            "start_count": str(100 + 77 * 7919 % 9_000),
            "status": "In progress",
            "remains": "500",
            "currency": "USD",
        }
        assert told["78"]["start_count"] != told["77"]["start_count"]

    def test_is_not_done_unasked(self) -> None:
        assert Buyer().ask("status", order="77") == {"error": "Incorrect order ID"}


class TestTime:
    @pytest.mark.parametrize("service", REFILLED)
    def test_completes_within_8_seconds_what_can_be_refilled(self, service: int) -> None:
        buyer = Buyer()
        order = buyer.add(service)

        buyer.wait(8)

        assert buyer.word(order) == "Completed"

    @pytest.mark.parametrize("service", CANCELED)
    def test_leaves_untouched_for_22_seconds_what_can_be_canceled(self, service: int) -> None:
        buyer = Buyer()
        order = buyer.add(service)
        fresh = buyer.status(order)

        buyer.wait(22)

        assert buyer.status(order)["remains"] == fresh["remains"]
        assert buyer.word(order) == "In progress"
        buyer.wait(4)
        assert buyer.word(order) == "Completed"

    @pytest.mark.parametrize("service", ORDINARY)
    def test_completes_the_others_in_10_seconds(self, service: int) -> None:
        buyer = Buyer()
        order = buyer.add(service)

        buyer.wait(9.5)

        assert buyer.word(order) == "In progress"
        buyer.wait(1)
        assert buyer.word(order) == "Completed"

    def test_does_not_charge_for_what_it_leaves_over(self) -> None:
        buyer = Buyer()
        order = buyer.add(901, quantity="101")

        buyer.wait(12)

        assert buyer.balance() == "999999.898"
        seen = buyer.status(order)
        assert (seen["status"], seen["remains"], seen["charge"]) == ("Partial", "33", "0.102")

    def test_gives_everything_back_for_what_it_calls_off(self) -> None:
        buyer = Buyer()
        order = buyer.add(902)

        buyer.wait(5)

        seen = buyer.status(order)
        assert (seen["status"], seen["remains"], seen["charge"]) == ("Canceled", "300", "0")
        assert buyer.balance() == "1000000"

    def test_gives_back_once(self) -> None:
        buyer = Buyer()
        buyer.add(902)
        buyer.add(901)

        buyer.wait(5)
        balances = [buyer.balance()]
        buyer.wait(10)
        balances += [buyer.balance(), buyer.balance()]

        assert balances == ["999999.55", "999999.7", "999999.7"]


class TestCancel:
    def test_takes_back_an_order_that_nobody_has_begun(self) -> None:
        buyer = Buyer()
        order = buyer.add(102)
        buyer.wait(1)

        answer = buyer.ask("cancel", orders=order)

        assert answer == [{"order": 1, "cancel": 1}]
        assert buyer.status(order) == {
            "charge": "0",
            "start_count": "0",
            "status": "Canceled",
            "remains": "300",
            "currency": "USD",
        }
        assert buyer.balance() == "1000000"

    def test_keeps_the_delivered_part_of_one_that_runs(self) -> None:
        buyer = Buyer()
        order = buyer.add(102)
        buyer.wait(24)

        buyer.ask("cancel", orders=order)
        buyer.wait(10)

        seen = buyer.status(order)
        assert (seen["status"], seen["remains"], seen["charge"]) == ("Partial", "150", "0.0417285")
        assert buyer.balance() == "999999.9582715"

    def test_answers_each_id_of_a_list(self) -> None:
        buyer = Buyer()
        buyer.add(102)
        buyer.add(201)
        buyer.add(303)
        buyer.add(102)
        buyer.ask("cancel", orders="4")

        answer = buyer.ask("cancel", orders="9,x,1,2,3,4")

        off = {"error": "Cancel is disabled for this service"}
        assert answer == [
            {"order": 9, "cancel": {"error": "Incorrect order ID"}},
            {"order": "x", "cancel": {"error": "Incorrect order ID"}},
            {"order": 1, "cancel": 1},
            {"order": 2, "cancel": off},
            {"order": 3, "cancel": off},
            {"order": 4, "cancel": {"error": "The order can no longer be canceled"}},
        ]

    def test_comes_too_late_for_a_completed_order(self) -> None:
        buyer = Buyer()
        order = buyer.add(102)
        buyer.wait(26)

        answer = buyer.ask("cancel", orders=order)

        assert answer == [{"order": 1, "cancel": {"error": "The order can no longer be canceled"}}]
        assert buyer.word(order) == "Completed"

    def test_needs_an_id(self) -> None:
        assert Buyer().ask("cancel") == {"error": "Incorrect order ID"}


class TestRefill:
    def test_completes_in_4_seconds(self) -> None:
        buyer = Buyer()
        order = buyer.add(101)
        buyer.wait(8)

        answer = buyer.ask("refill", order=order)

        assert answer == {"refill": "2"}
        words = []
        for _ in range(3):
            words.append(buyer.ask("refill_status", refill="2"))
            buyer.wait(2)
        assert words == [{"status": "Pending"}, {"status": "In progress"}, {"status": "Completed"}]

    def test_is_rejected_where_the_service_says_so(self) -> None:
        buyer = Buyer()
        order = buyer.add(903)
        buyer.wait(8)
        refill = buyer.ask("refill", order=order)["refill"]

        buyer.wait(4)

        assert buyer.ask("refill_status", refill=refill) == {"status": "Rejected"}

    def test_is_refused_while_one_runs_and_taken_after_it(self) -> None:
        buyer = Buyer()
        order = buyer.add(101)
        buyer.wait(8)
        buyer.ask("refill", order=order)
        buyer.wait(3)

        again = buyer.ask("refill", order=order)
        buyer.wait(2)
        later = buyer.ask("refill", order=order)

        assert again == {"error": "The refill task is not completed for this order"}
        assert later == {"refill": "3"}

    def test_answers_each_id_of_a_list(self) -> None:
        buyer = Buyer()
        buyer.add(101)
        buyer.wait(8)
        buyer.add(101)
        buyer.add(201)

        answer = buyer.ask("refill", orders="1,2,3,x")

        assert answer == [
            {"order": 1, "refill": 4},
            {"order": 2, "refill": {"error": "The order is not completed"}},
            {"order": 3, "refill": {"error": "Refill is disabled for this service"}},
            {"order": "x", "refill": {"error": "Incorrect order ID"}},
        ]

    def test_tells_the_state_of_many(self) -> None:
        buyer = Buyer()
        order = buyer.add(101)
        buyer.wait(8)
        buyer.ask("refill", order=order)

        answer = buyer.ask("refill_status", refills="2,1,x")

        unknown = {"error": "Refill not found"}
        assert answer == [
            {"refill": 2, "status": "Pending"},
            {"refill": 1, "status": unknown},
            {"refill": "x", "status": unknown},
        ]

    def test_is_not_found_without_an_id(self) -> None:
        assert Buyer().ask("refill_status") == {"error": "Refill not found"}


class TestSubscription:
    def test_makes_an_order_for_each_post(self) -> None:
        buyer = Buyer(first_id=21)
        order = buyer.add(303, posts="2", expiry="24/12/2027")

        seen = []
        for _ in range(3):
            seen.append(buyer.status(order))
            buyer.wait(4)

        always = {"expiry": "24/12/2027", "charge": "0.25", "currency": "USD"}
        assert seen == [
            always | {"status": "Active", "posts": "0", "orders": []},
            always | {"status": "Active", "posts": "1", "orders": ["22"]},
            always | {"status": "Completed", "posts": "2", "orders": ["22", "23"]},
        ]

    def test_ends_after_three_posts_unless_told(self) -> None:
        buyer = Buyer()
        order = buyer.add(303)

        buyer.wait(1000)

        seen = buyer.status(order)
        assert (seen["status"], seen["posts"], seen["expiry"]) == ("Completed", "3", None)
        assert buyer.balance() == "999999.625"

    def test_has_orders_that_complete_in_5_seconds(self) -> None:
        buyer = Buyer(first_id=21)
        buyer.add(303, min="12")
        buyer.wait(5)
        buyer.status("21")

        fresh = buyer.status("22")
        buyer.wait(4)

        assert fresh == {
            "charge": "0",
            "start_count": "3318",
            "status": "In progress",
            "remains": "12",
            "currency": "USD",
        }
        assert buyer.word("22") == "Completed"

    def test_counts_only_what_was_added(self) -> None:
        buyer = Buyer()
        buyer.add(303)

        buyer.wait(1000)
        buyer.status("1")

        assert buyer.panel.accepted.total() == 1


class TestMoney:
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from((102, 202, 201, 203, 901, 902)),
                st.integers(100, 9_999),
                st.floats(0, 30),
                st.booleans(),
            ),
            max_size=20,
        )
    )
    def test_is_what_was_there_less_what_the_orders_cost(
        self, steps: list[tuple[int, int, float, bool]]
    ) -> None:
        buyer = Buyer()
        orders = []

        for service, quantity, seconds, gives_up in steps:
            orders.append(buyer.add(service, quantity=str(quantity)))
            buyer.wait(seconds)
            if gives_up:
                buyer.ask("cancel", orders=orders[-1])

        kept_e8 = sum(money.parse(buyer.status(order)["charge"]) for order in orders)
        assert money.parse(buyer.balance()) + kept_e8 == money.parse("1000000")
