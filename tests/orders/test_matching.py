from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel import money
from relaypanel.contract import OrderWord
from relaypanel.orders import matching
from relaypanel.orders.matching import Absent, Bracket, Fit, Found, Lost, Told, Unresolved, Verdict
from relaypanel.providers.answers import Fault, Rejected, UpstreamStatus

UNKNOWN = Rejected(fault=Fault.UNKNOWN_ORDER, words="Incorrect order ID")

# The rate of all orders here: 0.9 for a thousand.
RATE_E8 = 90_000_000


def lost(order_id: int = 1, quantity: int = 1000, *, lower: int = 10, upper: int = 20) -> Lost:
    """Return an order whose whole bracket was asked about."""
    return Lost(
        order_id=order_id,
        bracket=Bracket(lower=lower, upper=upper),
        quantity=quantity,
        rate_e8=RATE_E8,
        rate_per=1000,
        asked=range(lower + 1, upper),
    )


def open_ended(one: Lost) -> Lost:
    return replace(one, bracket=Bracket(lower=one.bracket.lower, upper=None))


def says(
    cost: str | None = "0.9",
    *,
    word: OrderWord | None = OrderWord.IN_PROGRESS,
    remains: int | None = None,
) -> UpstreamStatus:
    return UpstreamStatus(
        word=word,
        start_count=None,
        remains=remains,
        cost_e8=None if cost is None else money.parse(cost),
    )


def told(**answers: UpstreamStatus | Rejected | None) -> Told:
    """Return answers for 10 to 20, where only the ends are orders: told(_13=says()) changes one."""
    answered: dict[int, UpstreamStatus | Rejected | None] = dict.fromkeys(range(11, 20), UNKNOWN)
    answered |= {10: says("1"), 20: says("1")}
    answered |= {int(name[1:]): answer for name, answer in answers.items()}
    return {it: answer for it, answer in answered.items() if answer is not None}


def judge(
    *orders: Lost,
    told: Told,
    rivals: Sequence[Lost] = (),
    ours: Collection[int] = (10, 20),
    exclusive: bool = False,
) -> list[Verdict]:
    found = matching.verdicts(
        lost=orders, rivals=rivals, told=told, ours=ours, key_is_exclusive=exclusive
    )
    return [found[order.order_id] for order in orders]


def why(verdict: Verdict) -> str:
    assert isinstance(verdict, Unresolved), verdict
    return verdict.why


class TestFound:
    def test_is_the_only_candidate_of_its_charge(self) -> None:
        assert judge(lost(), told=told(_13=says())) == [Found(upstream_id=13)]

    def test_needs_no_closed_bracket(self) -> None:
        assert judge(open_ended(lost()), told=told(_13=says())) == [Found(upstream_id=13)]

    def test_is_told_apart_by_charge(self) -> None:
        answers = told(_13=says("1.8"), _14=says())

        found = judge(lost(1), lost(2, quantity=2000), told=answers)

        assert found == [Found(upstream_id=14), Found(upstream_id=13)]

    def test_is_not_one_that_is_ours_already(self) -> None:
        answers = told(_13=says(), _14=says())

        assert judge(lost(), told=answers, ours=(10, 13, 20)) == [Found(upstream_id=14)]

    def test_lies_in_the_bracket(self) -> None:
        early, late = lost(1, lower=10, upper=15), lost(2, lower=14, upper=20)

        assert judge(early, late, told=told(_14=says(), _16=says())) == [
            Found(upstream_id=14),
            Found(upstream_id=16),
        ]


class TestMatchInOneDirection:
    def test_is_none_when_two_candidates_fit(self) -> None:
        [verdict] = judge(lost(), told=told(_13=says(), _14=says()))

        assert why(verdict) == "it may be any of 13, 14"

    def test_names_a_few_of_many_candidates(self) -> None:
        [verdict] = judge(lost(), told=told(**{f"_{it}": says() for it in range(11, 19)}))

        assert why(verdict) == "it may be any of 11, 12, 13, 14, 15 and 3 more"

    def test_is_none_when_the_candidate_fits_two_orders(self) -> None:
        verdicts = judge(lost(1), lost(2), told=told(_13=says()))

        assert [why(verdict) for verdict in verdicts] == [
            "13 may as well be our order 2",
            "13 may as well be our order 1",
        ]

    def test_is_none_when_the_candidate_fits_a_rival(self) -> None:
        rival = replace(open_ended(lost(7)), asked=())

        [verdict] = judge(lost(), rivals=[rival], told=told(_13=says()))

        assert why(verdict) == "13 may as well be our order 7"

    def test_is_one_when_the_rival_is_an_earlier_sending_of_the_same_order(self) -> None:
        assert judge(lost(), rivals=[lost()], told=told(_13=says())) == [Found(upstream_id=13)]

    @pytest.mark.parametrize(
        "rival", [lost(7, quantity=2000), lost(7, lower=1, upper=13), lost(7, lower=13, upper=30)]
    )
    def test_is_one_when_the_rival_cannot_be_it(self, rival: Lost) -> None:
        assert judge(lost(), rivals=[rival], told=told(_13=says())) == [Found(upstream_id=13)]

    def test_is_none_when_the_charge_is_not_told(self) -> None:
        [verdict] = judge(lost(), told=told(_13=says(None)))

        assert why(verdict) == "it may be 13, whose charge does not tell"

    def test_is_none_beside_orders_of_somebody_else(self) -> None:
        answers = told(_13=says(), _17=says("55"))

        [shared] = judge(lost(), told=answers)
        [exclusive] = judge(lost(), told=answers, exclusive=True)

        assert why(shared) == "it may be 13, but 17 fit no order of ours"
        assert exclusive == Found(upstream_id=13)


class TestAbsent:
    def test_is_what_a_closed_bracket_does_not_hold(self) -> None:
        assert judge(lost(), told=told()) == [Absent()]

    def test_is_what_stands_beside_an_order_of_another_charge_that_is_ours(self) -> None:
        found = judge(lost(1), lost(2, quantity=2000), told=told(_13=says("1.8")))

        assert found == [Absent(), Found(upstream_id=13)]

    def test_may_have_a_bracket_without_an_id(self) -> None:
        assert judge(lost(lower=10, upper=11), told=told(_11=says()), ours=(10, 11)) == [Absent()]

    def test_counts_what_has_become_ours_meanwhile(self) -> None:
        assert judge(lost(), told=told(_13=None), ours=(10, 13, 20)) == [Absent()]

    def test_is_not_proved_while_no_later_order_closes_the_bracket(self) -> None:
        [verdict] = judge(open_ended(lost()), told=told())

        assert why(verdict) == "no later order closes its bracket of IDs yet"

    @pytest.mark.parametrize("silence", [None, Rejected(fault=Fault.RATE_LIMIT, words="Slow down")])
    def test_is_not_proved_by_silence(self, silence: Rejected | None) -> None:
        [verdict] = judge(lost(), told=told(_13=silence, _14=silence))

        assert why(verdict) == "the provider did not say what it knows of 13, 14"

    @pytest.mark.parametrize("exclusive", [False, True])
    def test_is_not_proved_beside_an_order_that_nothing_explains(self, exclusive: bool) -> None:
        [verdict] = judge(lost(), told=told(_13=says("55")), exclusive=exclusive)

        assert why(verdict) == "13 fit no order of ours"

    def test_is_not_proved_beside_a_charge_that_may_have_shrunk(self) -> None:
        [verdict] = judge(lost(), told=told(_13=says("0.1", word=OrderWord.PARTIAL)))

        assert why(verdict) == "it may be 13, whose charge does not tell"

    @pytest.mark.parametrize("end", ["_10", "_20"])
    @pytest.mark.parametrize("answer", [None, UNKNOWN])
    def test_is_not_proved_by_a_provider_that_forgets_what_is_ours(
        self, end: str, answer: Rejected | None
    ) -> None:
        [verdict] = judge(lost(), told=told(**{end: answer}))

        assert why(verdict) == f"the provider does not know {end[1:]}, which are ours"


class TestFit:
    @pytest.mark.parametrize(
        ("cost", "quantity"),
        [
            ("0.9", 1000),
            # To five decimals, to the cent, and to whole pieces of a small currency.
            ("0.3069", 341),
            ("0.31", 341),
            ("0.3", 341),
            ("15001", 16_667_999),
            ("0", 5),
        ],
    )
    def test_allows_for_how_a_panel_rounds(self, cost: str, quantity: int) -> None:
        assert matching.fit(lost(quantity=quantity), says(cost)) is Fit.YES

    @pytest.mark.parametrize(
        ("cost", "quantity"),
        [("0.3069", 342), ("0.31", 360), ("0.3", 350), ("0", 12), ("1", 1500)],
    )
    def test_knows_another_charge(self, cost: str, quantity: int) -> None:
        assert matching.fit(lost(quantity=quantity), says(cost)) is Fit.NO

    @pytest.mark.parametrize(
        ("word", "remains", "fit"),
        [
            (OrderWord.PENDING, 1000, Fit.YES),
            (OrderWord.PENDING, 0, Fit.YES),
            (OrderWord.PENDING, -7, Fit.YES),
            (OrderWord.PENDING, 999, Fit.NO),
            (OrderWord.PENDING, 1001, Fit.NO),
            (OrderWord.IN_PROGRESS, 999, Fit.YES),
            (OrderWord.IN_PROGRESS, 1001, Fit.NO),
            (None, 999, Fit.YES),
        ],
    )
    def test_looks_at_what_remains(self, word: OrderWord | None, remains: int, fit: Fit) -> None:
        assert matching.fit(lost(), says(word=word, remains=remains)) is fit

    @pytest.mark.parametrize(
        ("cost", "word", "remains", "fit"),
        [
            ("0.9", OrderWord.PARTIAL, 400, Fit.YES),
            ("0.54", OrderWord.PARTIAL, 400, Fit.YES),
            ("0.36", OrderWord.PARTIAL, 400, Fit.MAYBE),
            ("0.54", OrderWord.PARTIAL, None, Fit.MAYBE),
            ("0.9", OrderWord.PARTIAL, -7, Fit.YES),
            ("0", OrderWord.CANCELED, 1000, Fit.YES),
            ("0", OrderWord.CANCELED, 0, Fit.MAYBE),
            ("0.54", OrderWord.COMPLETED, 400, Fit.NO),
        ],
    )
    def test_knows_that_a_charge_shrinks_with_what_was_not_delivered(
        self, cost: str, word: OrderWord, remains: int | None, fit: Fit
    ) -> None:
        assert matching.fit(lost(), says(cost, word=word, remains=remains)) is fit

    def test_is_open_where_the_charge_cannot_be_foreseen(self) -> None:
        unforeseen = replace(lost(), rate_e8=None)

        assert matching.fit(unforeseen, says()) is Fit.MAYBE
        assert matching.fit(unforeseen, says(remains=1001)) is Fit.NO

    @given(
        quantity=st.integers(1, 10_000_000),
        rate_steps=st.integers(1, 10_000_000),
        decimals=st.integers(2, 8),
    )
    def test_recognizes_each_charge_however_it_was_rounded(
        self, quantity: int, rate_steps: int, decimals: int
    ) -> None:
        one = replace(lost(quantity=quantity), rate_e8=rate_steps * money.RATE_STEP_E8)
        exact_e8 = rate_steps * money.RATE_STEP_E8 * quantity // 1000
        grain_e8 = 10 ** (8 - decimals)

        for rounded_e8 in (exact_e8 // grain_e8, -(-exact_e8 // grain_e8)):
            status = replace(says(), cost_e8=rounded_e8 * grain_e8)
            assert matching.fit(one, status) is Fit.YES


class TestVerdicts:
    @given(data=st.data())
    def test_attach_no_order_to_anothers_whatever_was_taken(self, data: st.DataObject) -> None:
        quantities = data.draw(st.lists(st.sampled_from([100, 200, 300]), min_size=1, max_size=6))
        orders = [lost(number, quantity) for number, quantity in enumerate(quantities, 1)]
        places = data.draw(st.permutations(range(11, 20)))
        taken = {
            order.order_id: places[at]
            for at, order in enumerate(orders)
            if data.draw(st.booleans())
        }
        answers = {f"_{it}": says(price(orders[order_id - 1])) for order_id, it in taken.items()}

        verdicts = judge(*orders, told=told(**answers), exclusive=True)

        for order, verdict in zip(orders, verdicts, strict=True):
            if isinstance(verdict, Found):
                assert taken.get(order.order_id) == verdict.upstream_id
            if isinstance(verdict, Absent):
                assert order.order_id not in taken


def price(order: Lost) -> str:
    return money.text(RATE_E8 * order.quantity // 1000)
