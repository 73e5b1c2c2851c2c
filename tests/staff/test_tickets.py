from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from relaypanel.accounts.models import AuditEntry, Section, User
from relaypanel.accounts.rights import Level
from relaypanel.tickets import staff as desk
from relaypanel.tickets.models import Kind, Message, State, Template, Ticket
from tests import cast
from tests.staff import people
from tests.tickets import scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return people.staff(levels={Section.TICKETS: Level.EDIT})


def html(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def acts() -> list[str]:
    rows = AuditEntry.objects.filter(act__startswith="ticket").order_by("pk")
    return list(rows.values_list("act", flat=True))


class TestPage:
    def test_shows_what_waits_and_finds(self, client: Client) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        scene.ticket(alice, subject="<b>Likes</b>")
        scene.ticket(bob, subject="Views")

        page = html(client, "/staff/tickets")

        assert "&lt;b&gt;Likes&lt;/b&gt;" in page
        assert '<span class="badge ">2</span>' in page
        assert "Views" not in html(client, "/staff/tickets?q=alice")
        assert "Nothing found" in html(client, "/staff/tickets?state=closed&mine=on")
        assert "Likes" in html(client, "/staff/tickets?state=lost&after=so")

    def test_asks_the_same_number_of_questions_of_any_queue(self, client: Client) -> None:
        alice = cast.alice().user
        asked = []
        for count in (1, 8):
            for _ in range(count):
                scene.ticket(alice)
            with CaptureQueriesContext(connection) as queries:
                html(client, "/staff/tickets")
            asked.append(sum("tickets_" in query["sql"] for query in queries))

        assert asked == [2, 2]

    def test_shows_nothing_to_change_to_who_may_look_alone(self) -> None:
        looker = people.staff("lena", levels={Section.TICKETS: Level.VIEW})
        ticket = scene.ticket(cast.alice().user)

        assert 'name="ticket"' not in html(looker, "/staff/tickets")
        assert "<textarea" not in html(looker, f"/staff/tickets/{ticket.pk}")
        assert "<textarea" not in html(looker, "/staff/tickets/templates")
        assert looker.post(f"/staff/tickets/{ticket.pk}/answer").status_code == 403


class TestOne:
    def test_shows_notes_pictures_and_orders(self) -> None:
        levels = {Section.TICKETS: Level.EDIT, Section.ORDERS: Level.VIEW}
        client, alice = people.staff(levels=levels), cast.alice().user
        order = scene.order(alice)
        ticket = scene.ticket(alice, order_ids=[order.pk], uploads=[scene.picture()])
        carol = User.objects.get(username="carol")
        desk.note(ticket_id=ticket.pk, author_id=carol.pk, text="Careful.", now=scene.NOW)

        page = html(client, f"/staff/tickets/{ticket.pk}")

        assert "Careful." in page
        assert "/attachments/" in page
        assert f"/staff/orders/{order.pk}" in page
        assert desk.unread() == 0

    def test_shows_no_orders_to_who_may_see_none(self, client: Client) -> None:
        alice = cast.alice().user
        order = scene.order(alice)
        ticket = scene.ticket(alice, order_ids=[order.pk])

        assert f"/staff/orders/{order.pk}" not in html(client, f"/staff/tickets/{ticket.pk}")

    def test_begins_with_a_kept_answer(self, client: Client) -> None:
        ticket = scene.ticket(cast.alice().user)
        kept = desk.keep_template(title="Refill", text="It runs <now>.")

        page = html(client, f"/staff/tickets/{ticket.pk}?template={kept.pk}")

        assert "It runs &lt;now&gt;.</textarea>" in page

    def test_is_absent(self, client: Client) -> None:
        for path in ("", "/answer", "/assign"):
            for number in (77, 2**63):
                method = client.post if path else client.get
                reply = method(f"/staff/tickets/{number}{path}", {"text": "so"})
                assert reply.status_code == 404


class TestAnswer:
    @pytest.mark.parametrize(
        ("way", "kind", "act"),
        [("answer", Kind.STAFF, "ticket.answer"), ("note", Kind.NOTE, "ticket.note")],
    )
    def test_is_written_with_who_wrote_it(
        self, client: Client, way: str, kind: Kind, act: str
    ) -> None:
        ticket = scene.ticket(cast.alice().user)

        reply = client.post(f"/staff/tickets/{ticket.pk}/answer", {"text": "Soon.", "as": way})

        assert reply["Location"] == f"/staff/tickets/{ticket.pk}"
        message = Message.objects.latest("pk")
        assert (message.kind, message.author.username) == (kind, "carol")
        assert acts() == [act]

    @pytest.mark.parametrize(
        ("text", "words"), [("", "Write something first."), ("x" * 5001, "5,000 characters fit")]
    )
    def test_says_what_is_wrong_and_keeps_the_words(
        self, client: Client, text: str, words: str
    ) -> None:
        ticket = scene.ticket(cast.alice().user)

        page = client.post(f"/staff/tickets/{ticket.pk}/answer", {"text": text}).content.decode()

        assert words in page
        assert f"{text}</textarea>" in page
        assert (Message.objects.count(), acts()) == (1, [])


class TestAssign:
    def test_names_who_looks_after_it(self, client: Client) -> None:
        ticket = scene.ticket(cast.alice().user)
        carol = User.objects.get(username="carol")

        client.post(f"/staff/tickets/{ticket.pk}/assign", {"assignee": carol.pk})
        assert Ticket.objects.get().assignee == carol

        client.post(f"/staff/tickets/{ticket.pk}/assign", {"assignee": ""})
        assert Ticket.objects.get().assignee is None
        assert acts() == ["ticket.assign"] * 2

    def test_takes_no_customer(self, client: Client) -> None:
        alice = cast.alice().user
        ticket = scene.ticket(alice)

        reply = client.post(
            f"/staff/tickets/{ticket.pk}/assign", {"assignee": alice.pk}, follow=True
        )

        assert "members of staff who are active" in reply.content.decode()
        assert acts() == []


class TestClose:
    def test_closes_those_that_are_ticked(self, client: Client) -> None:
        alice = cast.alice().user
        first, second, third = (scene.ticket(alice).pk for _ in range(3))

        said: dict[str, Any] = {"ticket": [first, second, "x", "9" * 30]}
        reply = client.post("/staff/tickets/close", said, follow=True)

        assert "2 tickets are closed." in reply.content.decode()
        assert Ticket.objects.get(state=State.OPEN).pk == third
        assert acts() == ["ticket.close"] * 2

    def test_takes_only_so_many(self, client: Client) -> None:
        reply = client.post("/staff/tickets/close", {"ticket": range(1, 300)}, follow=True)

        assert "too many tickets for one act" in reply.content.decode()


class TestTemplates:
    def test_are_kept_changed_and_dropped(self, client: Client) -> None:
        path = "/staff/tickets/templates/keep"

        client.post(path, {"title": "Refill", "text": "It runs."})
        kept = Template.objects.get()
        client.post(path, {"title": "Refill", "text": "Done.", "template": kept.pk, "act": "keep"})
        assert "Done.</textarea>" in html(client, "/staff/tickets/templates")

        client.post(path, {"template": kept.pk, "act": "drop"})
        assert not Template.objects.exists()
        assert acts() == ["ticket_template.keep"] * 2 + ["ticket_template.drop"]

    @pytest.mark.parametrize(
        ("said", "words"),
        [
            ({"title": "", "text": "so"}, "The answer needs a title."),
            ({"title": "so", "text": ""}, "Write something first."),
            ({"title": "Taken", "text": "so"}, "Another answer has this title."),
            ({"template": "77", "act": "drop"}, "Somebody has dropped this answer."),
        ],
    )
    def test_say_what_is_wrong(self, client: Client, said: dict[str, str], words: str) -> None:
        desk.keep_template(title="Taken", text="so")

        assert words in client.post("/staff/tickets/templates/keep", said).content.decode()
        assert Template.objects.count() == 1
