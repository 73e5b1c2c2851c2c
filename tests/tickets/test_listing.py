from __future__ import annotations

import pytest

from relaypanel.tickets import listing
from relaypanel.tickets.models import Ticket
from tests import cast
from tests.tickets.scene import NOW, later

pytestmark = pytest.mark.django_db


def tickets(count: int) -> list[Ticket]:
    """Return tickets, latest first; each three of them changed in the same moment."""
    user = cast.alice().user
    made = Ticket.objects.bulk_create(
        Ticket(
            user=user,
            subject=f"{number}",
            opened_at=NOW,
            changed_at=later(microseconds=number // 3),
        )
        for number in range(count)
    )
    return made[::-1]


class TestPage:
    def test_shows_each_once_and_ends(self) -> None:
        made = tickets(listing.ROWS * 2 + 1)

        seen, after, pages = [], "", 0
        while True:
            page = listing.page(Ticket.objects.all(), after=after)
            seen += page.tickets
            after, pages = page.next, pages + 1
            if not after:
                break

        assert seen == made
        assert pages == 3

    def test_has_no_next_when_it_is_just_full(self) -> None:
        tickets(listing.ROWS)

        assert listing.page(Ticket.objects.all()).next == ""

    @pytest.mark.parametrize("after", ["so", "1", "-1-1", "٣-٣", "9" * 18 + "-1"])
    def test_begins_anew_at_what_is_no_place(self, after: str) -> None:
        made = tickets(2)

        assert listing.page(Ticket.objects.all(), after=after).tickets == made

    def test_survives_a_place_at_the_end_of_time(self) -> None:
        tickets(1)

        assert listing.page(Ticket.objects.all(), after="9" * 17 + "-" + "9" * 18).tickets
        assert listing.page(Ticket.objects.all(), after="0-0").tickets == []
