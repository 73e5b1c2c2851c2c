from __future__ import annotations

from typing import Any

import pytest

from relaypanel import errors
from relaypanel.tickets import desk, pictures, staff, thread
from relaypanel.tickets.models import Kind, Message, Picture, State, Ticket
from tests import cast
from tests.orders.scene import at_once
from tests.tickets import scene
from tests.tickets.scene import NOW, later

pytestmark = pytest.mark.django_db

NOBODY = 2**63 - 1


class TestOpenTicket:
    def test_keeps_what_was_asked(self) -> None:
        alice = cast.alice().user
        order = scene.order(alice)

        ticket = scene.ticket(alice, order_ids=[order.pk, order.pk], uploads=[scene.picture()])

        kept = Ticket.objects.get()
        assert (kept.pk, kept.user, kept.subject) == (ticket.pk, alice, "Where is it?")
        assert (kept.state, kept.unread_by_staff, kept.unread_by_user) == (State.OPEN, 1, 0)
        assert list(kept.orders.all()) == [order]
        message = Message.objects.get()
        assert (message.kind, message.author, message.text) == (
            Kind.CUSTOMER,
            alice,
            "It has not started.",
        )
        assert Picture.objects.get().message == message

    def test_tells_a_foreign_order_from_none_to_nobody(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        foreign = scene.order(bob)

        said = []
        for order_id in (foreign.pk, 999_999, 0, NOBODY, NOBODY + 1):
            with pytest.raises(desk.UnknownOrders) as refused:
                scene.ticket(alice, order_ids=[order_id])
            said.append(str(refused.value).replace(str(order_id), "N"))

        assert set(said) == {"no such orders: [N]"}
        assert not Ticket.objects.exists()

    def test_refuses_more_orders_than_anybody_means(self) -> None:
        with pytest.raises(desk.TooManyOrders):
            scene.ticket(cast.alice().user, order_ids=range(1, 22))

    @pytest.mark.parametrize(
        ("said", "refusal"),
        [
            ({"subject": " "}, thread.SubjectNeeded),
            ({"text": ""}, thread.TextNeeded),
            ({"uploads": [b"so"]}, pictures.NotAPicture),
        ],
    )
    def test_writes_nothing_when_it_refuses(
        self, said: dict[str, Any], refusal: type[errors.Refused]
    ) -> None:
        with pytest.raises(refusal):
            scene.ticket(cast.alice().user, **said)

        assert not Ticket.objects.exists()

    def test_refuses_another_while_too_many_wait(self) -> None:
        alice = cast.alice().user
        tickets = [scene.ticket(alice) for _ in range(desk.UNCLOSED_MAX)]

        with pytest.raises(desk.TooManyTickets):
            scene.ticket(alice)

        desk.close(user_id=alice.pk, ticket_id=tickets[0].pk, now=NOW)
        assert scene.ticket(alice)
        assert scene.ticket(cast.bob().user)


class TestAnswer:
    def test_opens_a_closed_ticket_again(self) -> None:
        alice = cast.alice().user
        ticket = scene.ticket(alice)
        desk.close(user_id=alice.pk, ticket_id=ticket.pk, now=NOW)

        desk.answer(user_id=alice.pk, ticket_id=ticket.pk, text="Still not.", now=later(hours=1))

        ticket.refresh_from_db()
        assert (ticket.state, ticket.changed_at) == (State.OPEN, later(hours=1))
        assert ticket.unread_by_staff == 2

    def test_tells_a_foreign_ticket_from_none_to_nobody(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        foreign = scene.ticket(bob)

        for ticket_id in (foreign.pk, 999_999, NOBODY, NOBODY + 1):
            for act in (
                lambda pk: desk.answer(user_id=alice.pk, ticket_id=pk, text="so", now=NOW),
                lambda pk: desk.answer(user_id=alice.pk, ticket_id=pk, text="", now=NOW),
                lambda pk: desk.close(user_id=alice.pk, ticket_id=pk, now=NOW),
                lambda pk: desk.read(user_id=alice.pk, ticket_id=pk),
                lambda pk: desk.find(user_id=alice.pk, ticket_id=pk),
            ):
                with pytest.raises(thread.NoSuchTicket):
                    act(ticket_id)

        assert Message.objects.count() == 1

    def test_stops_a_flood_within_the_hour(self) -> None:
        alice = cast.alice().user
        ticket = scene.ticket(alice)
        for _ in range(desk.MESSAGES_AN_HOUR_MAX - 1):
            desk.answer(user_id=alice.pk, ticket_id=ticket.pk, text="so", now=NOW)

        with pytest.raises(desk.TooManyMessages):
            desk.answer(user_id=alice.pk, ticket_id=ticket.pk, text="so", now=later(minutes=59))
        with pytest.raises(desk.TooManyMessages):
            scene.ticket(alice)

        assert desk.answer(user_id=alice.pk, ticket_id=ticket.pk, text="so", now=later(hours=1))
        assert scene.ticket(cast.bob().user)

    def test_stops_a_flood_of_pictures_within_the_day(self) -> None:
        alice, upload = cast.alice().user, scene.picture()
        ticket = scene.ticket(alice)
        for _ in range(desk.PICTURES_A_DAY_MAX // 4):
            desk.answer(
                user_id=alice.pk, ticket_id=ticket.pk, text="so", uploads=[upload] * 4, now=NOW
            )

        with pytest.raises(desk.TooManyPicturesToday):
            desk.answer(
                user_id=alice.pk,
                ticket_id=ticket.pk,
                text="so",
                uploads=[upload],
                now=later(hours=23),
            )

        assert desk.answer(
            user_id=alice.pk, ticket_id=ticket.pk, text="so", uploads=[upload], now=later(hours=24)
        )


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_lets_no_more_through_together(self) -> None:
        alice = cast.alice().user

        def ask(_: int) -> bool:
            try:
                scene.ticket(alice)
            except desk.TooManyTickets:
                return False
            return True

        opened = at_once(desk.UNCLOSED_MAX + 4, ask)

        assert sum(opened) == desk.UNCLOSED_MAX
        assert Ticket.objects.count() == desk.UNCLOSED_MAX


class TestClose:
    def test_is_done_once(self) -> None:
        alice = cast.alice().user
        ticket = scene.ticket(alice)

        desk.close(user_id=alice.pk, ticket_id=ticket.pk, now=NOW)
        with pytest.raises(desk.AlreadyClosed):
            desk.close(user_id=alice.pk, ticket_id=ticket.pk, now=NOW)

        assert Ticket.objects.get().state == State.CLOSED
        assert Message.objects.filter(kind=Kind.CLOSED).count() == 1


class TestRead:
    def test_is_noted(self) -> None:
        alice, carol = cast.alice().user, cast.carol().user
        ticket = scene.ticket(alice)
        staff.answer(ticket_id=ticket.pk, author_id=carol.pk, text="Soon.", now=NOW)
        assert desk.unread(user_id=alice.pk) == 1

        read, said = desk.read(user_id=alice.pk, ticket_id=ticket.pk)

        assert [message.text for message in said] == ["It has not started.", "Soon."]
        assert read.unread_by_user == 0
        assert desk.unread(user_id=alice.pk) == 0

    def test_hides_notes(self) -> None:
        alice, carol = cast.alice().user, cast.carol().user
        ticket = scene.ticket(alice)
        staff.note(ticket_id=ticket.pk, author_id=carol.pk, text="Careful.", now=NOW)

        _, said = desk.read(user_id=alice.pk, ticket_id=ticket.pk)

        assert [message.kind for message in said] == [Kind.CUSTOMER]


class TestListed:
    def test_shows_the_users_own_by_state(self) -> None:
        alice = cast.alice().user
        scene.ticket(cast.bob().user)
        first, second = scene.ticket(alice), scene.ticket(alice, now=later(hours=1))
        desk.close(user_id=alice.pk, ticket_id=first.pk, now=later(hours=2))

        assert desk.listed(user_id=alice.pk).tickets == [first, second]
        assert desk.listed(user_id=alice.pk, state=State.OPEN).tickets == [second]
        assert desk.listed(user_id=alice.pk, state=State.CLOSED).tickets == [first]
