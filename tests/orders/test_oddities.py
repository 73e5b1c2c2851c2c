from __future__ import annotations

from relaypanel.orders.oddities import LASTING, Oddities, Oddity


def noted(oddities: Oddities, oddity: Oddity | None, times: int, order_id: int = 1) -> list[bool]:
    return [oddities.note(order_id, oddity) for _ in range(times)]


class TestNote:
    def test_says_once_that_it_lasts(self) -> None:
        told = noted(Oddities(), Oddity.VANISHED, 3 * LASTING)

        assert [at for at, it in enumerate(told, 1) if it] == [LASTING]

    def test_begins_anew_after_a_plain_answer(self) -> None:
        oddities = Oddities()
        noted(oddities, Oddity.VANISHED, LASTING - 1)

        assert not oddities.note(1, None)

        assert noted(oddities, Oddity.VANISHED, LASTING)[-2:] == [False, True]

    def test_begins_anew_with_another_oddity(self) -> None:
        oddities = Oddities()
        noted(oddities, Oddity.VANISHED, LASTING - 1)

        assert noted(oddities, Oddity.NO_ANSWER, LASTING)[-2:] == [False, True]

    def test_counts_each_order_by_itself(self) -> None:
        oddities = Oddities()
        noted(oddities, Oddity.VANISHED, LASTING - 1)

        assert not oddities.note(2, Oddity.VANISHED)
        assert oddities.note(1, Oddity.VANISHED)


class TestLasting:
    def test_counts_the_orders_that_staff_were_told_of(self) -> None:
        oddities = Oddities()
        for order_id in (1, 2, 3):
            noted(oddities, Oddity.VANISHED, LASTING, order_id)
        noted(oddities, Oddity.UNKNOWN_WORD, LASTING, 4)
        noted(oddities, Oddity.UNKNOWN_WORD, LASTING - 1, 5)
        oddities.note(3, None)

        assert oddities.lasting() == {Oddity.VANISHED: 2, Oddity.UNKNOWN_WORD: 1}
