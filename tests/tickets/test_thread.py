from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from relaypanel.tickets import desk, staff, thread
from relaypanel.tickets.models import Kind, Message, State, Ticket
from tests import cast
from tests.tickets import scene
from tests.tickets.scene import NOW, later


class TestSubject:
    def test_is_one_line_without_marks_that_mislead(self) -> None:
        assert thread.subject("  Where\n is\x00 it\u202e?\ud800 ") == "Where is it?"

    @pytest.mark.parametrize("text", ["", "  \n", "\x00\u202e"])
    def test_is_needed(self, text: str) -> None:
        with pytest.raises(thread.SubjectNeeded):
            thread.subject(text)

    def test_has_an_end(self) -> None:
        assert len(thread.subject("x" * 120)) == 120
        with pytest.raises(thread.SubjectTooLong):
            thread.subject("x" * 121)


class TestWords:
    def test_keep_their_lines(self) -> None:
        assert thread.words(" Chào\r\nbạn\r👍\x00 \n") == "Chào\nbạn\n👍"

    def test_are_needed(self) -> None:
        with pytest.raises(thread.TextNeeded):
            thread.words("\ud800 \n")

    def test_have_an_end(self) -> None:
        assert len(thread.words("x" * 5000)) == 5000
        with pytest.raises(thread.TextTooLong):
            thread.words("x" * 5001)


@pytest.mark.django_db
class TestWrite:
    def test_moves_the_state_to_whose_turn_it_is(self) -> None:
        alice, carol = cast.alice().user, cast.carol().user
        ticket = scene.ticket(alice)
        states = [ticket.state]

        for kind, author in (
            (Kind.STAFF, carol),
            (Kind.CUSTOMER, alice),
            (Kind.CLOSED, carol),
            (Kind.CUSTOMER, alice),
        ):
            text = "" if kind == Kind.CLOSED else "so"
            thread.write(ticket, kind=kind, author_id=author.pk, text=text, now=NOW)
            states.append(Ticket.objects.get(pk=ticket.pk).state)

        assert states == [State.OPEN, State.ANSWERED, State.OPEN, State.CLOSED, State.OPEN]

    def test_counts_for_the_other_side(self) -> None:
        alice, carol = cast.alice().user, cast.carol().user
        ticket = scene.ticket(alice)

        for _ in range(2):
            thread.write(ticket, kind=Kind.STAFF, author_id=carol.pk, text="so", now=NOW)

        ticket.refresh_from_db()
        assert (ticket.unread_by_user, ticket.unread_by_staff) == (2, 1)

    def test_of_a_note_shows_the_customer_nothing(self) -> None:
        ticket = scene.ticket(cast.alice().user)
        before = thread.mark(ticket)

        staff.note(
            ticket_id=ticket.pk, author_id=cast.carol().user.pk, text="VIP", now=later(hours=1)
        )

        ticket.refresh_from_db()
        assert (ticket.state, ticket.changed_at, ticket.unread_by_user) == (State.OPEN, NOW, 0)
        assert thread.mark(ticket) == before
        assert [said.text for said in thread.messages(ticket, with_notes=False)] == [
            "It has not started."
        ]
        assert len(thread.messages(ticket, with_notes=True)) == 2

    def test_changes_the_mark_when_the_customer_would_see_something(self) -> None:
        alice = cast.alice().user
        ticket = scene.ticket(alice)
        marks = {thread.mark(ticket)}

        staff.answer(ticket_id=ticket.pk, author_id=cast.carol().user.pk, text="so", now=NOW)
        ticket.refresh_from_db()
        marks.add(thread.mark(ticket))
        desk.close(user_id=alice.pk, ticket_id=ticket.pk, now=NOW)
        ticket.refresh_from_db()
        marks.add(thread.mark(ticket))

        assert len(marks) == 3


@pytest.mark.django_db
class TestDatabase:
    @pytest.mark.parametrize(
        "wrong", [{"kind": "staff", "text": ""}, {"kind": "closed", "text": "so"}, {"kind": "x"}]
    )
    def test_keeps_messages_that_say_something(self, wrong: dict[str, str]) -> None:
        alice = cast.alice().user
        ticket = scene.ticket(alice)

        with pytest.raises(IntegrityError), transaction.atomic():
            Message.objects.create(ticket=ticket, author=alice, at=NOW, **wrong)

    @pytest.mark.parametrize("wrong", [{"state": "lost"}, {"subject": ""}])
    def test_keeps_tickets_in_a_known_state_with_a_subject(self, wrong: dict[str, str]) -> None:
        fields = {"subject": "so", "opened_at": NOW, "changed_at": NOW} | wrong

        with pytest.raises(IntegrityError), transaction.atomic():
            Ticket.objects.create(user=cast.alice().user, **fields)
