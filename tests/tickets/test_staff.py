from __future__ import annotations

import pytest

from relaypanel import errors
from relaypanel.accounts import users
from relaypanel.notices.models import Notice
from relaypanel.tickets import desk, staff, thread
from relaypanel.tickets.models import Kind, Message, State, Ticket
from tests import cast
from tests.tickets import scene
from tests.tickets.scene import NOW, later

pytestmark = pytest.mark.django_db

NOBODY = 2**63


class TestAnswer:
    def test_waits_for_the_customer(self) -> None:
        ticket = scene.ticket(cast.alice().user)
        carol = cast.carol().user

        message = staff.answer(
            ticket_id=ticket.pk,
            author_id=carol.pk,
            text="It starts tonight.",
            uploads=[scene.picture()],
            now=later(hours=1),
        )

        ticket.refresh_from_db()
        assert (ticket.state, ticket.changed_at) == (State.ANSWERED, later(hours=1))
        assert ticket.unread_by_user == 1
        assert (message.kind, message.author) == (Kind.STAFF, carol)
        assert message.pictures.count() == 1

    def test_is_told_to_the_customer(self) -> None:
        alice = cast.alice().user
        ticket = scene.ticket(alice)

        staff.answer(ticket_id=ticket.pk, author_id=cast.carol().user.pk, text="so", now=NOW)

        notice = Notice.objects.get()
        assert (notice.user, notice.kind) == (alice, "ticket_answered")

    @pytest.mark.parametrize("ticket_id", [999_999, NOBODY])
    def test_needs_a_ticket(self, ticket_id: int) -> None:
        carol = cast.carol().user

        for act in (staff.answer, staff.note):
            with pytest.raises(thread.NoSuchTicket):
                act(ticket_id=ticket_id, author_id=carol.pk, text="so", now=NOW)
        with pytest.raises(thread.NoSuchTicket):
            staff.read(ticket_id)
        with pytest.raises(thread.NoSuchTicket):
            staff.assign(ticket_id=ticket_id, assignee_id=None)


class TestRead:
    def test_is_noted_and_shows_notes(self) -> None:
        ticket = scene.ticket(cast.alice().user)
        staff.note(ticket_id=ticket.pk, author_id=cast.carol().user.pk, text="VIP", now=NOW)
        assert staff.unread() == 1

        _, said = staff.read(ticket.pk)

        assert [message.kind for message in said] == [Kind.CUSTOMER, Kind.NOTE]
        assert staff.unread() == 0


class TestAssign:
    def test_names_who_looks_after_it(self) -> None:
        ticket = scene.ticket(cast.alice().user)
        carol = cast.carol().user

        staff.assign(ticket_id=ticket.pk, assignee_id=carol.pk)
        assert Ticket.objects.get().assignee == carol

        staff.assign(ticket_id=ticket.pk, assignee_id=None)
        assert Ticket.objects.get().assignee is None

    def test_takes_staff_who_are_here_alone(self) -> None:
        alice, carol = cast.alice().user, cast.carol().user
        ticket = scene.ticket(alice)
        users.suspend(carol)

        for nobody in (alice.pk, carol.pk, NOBODY):
            with pytest.raises(staff.NoSuchStaff):
                staff.assign(ticket_id=ticket.pk, assignee_id=nobody)


class TestClose:
    def test_closes_many_and_says_which(self) -> None:
        alice, carol = cast.alice().user, cast.carol().user
        open_one, closed, other = (scene.ticket(alice) for _ in range(3))
        desk.close(user_id=alice.pk, ticket_id=closed.pk, now=NOW)

        done = staff.close(
            ticket_ids=[open_one.pk, closed.pk, 999_999, NOBODY], author_id=carol.pk, now=NOW
        )

        assert done == [open_one.pk]
        assert Ticket.objects.get(state=State.OPEN) == other
        assert Message.objects.get(kind=Kind.CLOSED, author=carol).ticket == open_one
        assert Ticket.objects.get(pk=open_one.pk).unread_by_staff == 0

    def test_takes_only_so_many(self) -> None:
        with pytest.raises(staff.TooManyAtOnce):
            staff.close(ticket_ids=range(1, 202), author_id=cast.carol().user.pk, now=NOW)


class TestQueue:
    def test_finds_by_what_staff_know(self) -> None:
        alice, bob, carol = cast.alice().user, cast.bob().user, cast.carol().user
        first = scene.ticket(alice, subject="Refill of followers")
        second = scene.ticket(bob, now=later(hours=1))
        staff.assign(ticket_id=second.pk, assignee_id=carol.pk)

        def found(**asked: object) -> list[Ticket]:
            return staff.queue(**asked).tickets  # type: ignore[arg-type]

        assert found() == [second, first]
        assert found(state=State.OPEN) == [second, first]
        assert found(state=State.CLOSED) == []
        assert found(assignee_id=carol.pk) == [second]
        assert found(user_id=alice.pk) == [first]
        assert found(search="FOLLOWERS") == [first]
        assert found(search="Bob") == [second]
        assert found(search=f"#{first.pk}") == [first]
        assert found(search="9" * 30) == []
        assert found(search="ali") == []


class TestTemplates:
    def test_are_kept_changed_and_dropped(self) -> None:
        kept = staff.keep_template(title=" Refill  started ", text="It runs now.\r\nThank you.")

        assert [(one.title, one.text) for one in staff.templates()] == [
            ("Refill started", "It runs now.\nThank you.")
        ]

        staff.keep_template(title="Refill", text="Running.", template_id=kept.pk)
        assert [one.title for one in staff.templates()] == ["Refill"]

        staff.drop_template(kept.pk)
        assert staff.templates() == []

    @pytest.mark.parametrize(
        ("title", "text", "refusal"),
        [
            (" ", "so", staff.TitleNeeded),
            ("x" * 81, "so", staff.TitleTooLong),
            ("Taken", "so", staff.TitleTaken),
            ("so", "", thread.TextNeeded),
        ],
    )
    def test_are_refused(self, title: str, text: str, refusal: type[errors.Refused]) -> None:
        staff.keep_template(title="Taken", text="so")

        with pytest.raises(refusal):
            staff.keep_template(title=title, text=text)

    @pytest.mark.parametrize("template_id", [999_999, NOBODY])
    def test_must_be_there(self, template_id: int) -> None:
        with pytest.raises(staff.NoSuchTemplate):
            staff.drop_template(template_id)
        with pytest.raises(staff.NoSuchTemplate):
            staff.keep_template(title="so", text="so", template_id=template_id)
