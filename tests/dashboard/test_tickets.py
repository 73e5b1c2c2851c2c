from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from relaypanel import clock
from relaypanel.accounts.models import User
from relaypanel.tickets import desk, staff
from relaypanel.tickets.models import Kind, Message, Picture, State, Ticket
from tests import cast
from tests.tickets import scene
from tests.tickets.scene import NOW

pytestmark = pytest.mark.django_db

NOBODY = 2**63
OURS = ("tickets_", "orders_", "catalogue_")


@pytest.fixture
def alice(client: Client) -> User:
    user = cast.alice().user
    client.force_login(user)
    return user


def html(client: Client, path: str, **headers: str) -> str:
    response = client.get(path, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def questions(client: Client, path: str) -> list[str]:
    """Return the tables that a page asks about, but for what every page asks about them."""
    every = _tables(client, "/notices")
    return sorted((_tables(client, path) - every).elements())


def _tables(client: Client, path: str) -> Counter[str]:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code in (200, 204)
    tables = (re.findall(r' FROM "(\w+)"', query["sql"])[:1] for query in asked)
    return Counter(name for (name,) in filter(None, tables) if name.startswith(OURS))


def without_tokens(page: str) -> str:
    """Return a page without what is new on each: the tokens of its forms."""
    return re.sub(r"\b[A-Za-z0-9]{64}\b", "", page)


def upload(content: bytes = b"") -> SimpleUploadedFile:
    return SimpleUploadedFile("evil.php", content or scene.picture(), content_type="text/html")


class TestListed:
    def test_shows_the_users_own(self, client: Client, alice: User) -> None:
        scene.ticket(cast.bob().user, subject="Of somebody else")
        ticket = scene.ticket(alice, subject="<b>Mine</b>")
        staff.answer(ticket_id=ticket.pk, author_id=cast.carol().user.pk, text="so", now=NOW)

        page = html(client, "/tickets")

        assert "&lt;b&gt;Mine&lt;/b&gt;" in page
        assert "Of somebody else" not in page
        assert "1 new" in page

    def test_asks_the_same_number_of_questions_of_any_list(
        self, client: Client, alice: User
    ) -> None:
        for count in (1, 8):
            for _ in range(count):
                scene.ticket(alice)

            # The page, and the count beside the way to it.
            assert questions(client, "/tickets") == ["tickets_ticket"]

    def test_takes_any_address(self, client: Client, alice: User) -> None:
        for query in ("state=lost", "after=so", "state=closed&after=1-1", "after=%00"):
            html(client, f"/tickets?{query}")

    def test_leads_on(self, client: Client, alice: User) -> None:
        Ticket.objects.bulk_create(
            Ticket(user=alice, subject=f"No {number}.", opened_at=NOW, changed_at=NOW)
            for number in range(26)
        )

        first = html(client, "/tickets?state=open")
        after = re.search(r'href="(\?state=open&amp;after=[\d-]+)"', first)

        assert after is not None
        assert "No 0." not in first
        assert "No 0." in html(client, "/tickets" + after[1].replace("&amp;", "&"))

    @pytest.mark.parametrize("path", ["/tickets", "/tickets/new", "/tickets/1"])
    def test_is_for_those_who_are_signed_in(self, client: Client, path: str) -> None:
        assert client.get(path)["Location"] == f"/account/login/?next={path}"


class TestNew:
    def test_opens_a_ticket(self, client: Client, alice: User) -> None:
        order = scene.order(alice)

        response = client.post(
            "/tickets/new",
            {
                "subject": "Where?",
                "orders": f"#{order.pk}, {order.pk}",
                "text": "So.",
                "pictures": [upload(), upload()],
            },
        )

        ticket = Ticket.objects.get()
        assert response["Location"] == f"/tickets/{ticket.pk}"
        assert list(ticket.orders.all()) == [order]
        assert Picture.objects.count() == 2

    def test_takes_the_order_from_the_address(self, client: Client, alice: User) -> None:
        assert 'value="12"' in html(client, "/tickets/new?order=12")

    def test_answers_a_foreign_order_like_none(self, client: Client, alice: User) -> None:
        foreign = scene.order(cast.bob().user, pk=70_001).pk

        def refused(order_id: int) -> str:
            said = client.post(
                "/tickets/new", {"subject": "so", "text": "so", "orders": str(order_id)}
            ).content.decode()
            return without_tokens(said).replace(str(order_id), "N")

        assert "You have no order N." in refused(foreign)
        assert refused(foreign) == refused(foreign + 1)
        assert not Ticket.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"subject": ""}, "This field is required."),
            ({"subject": "x" * 121}, "Make it shorter"),
            ({"subject": "\u202e"}, "Say in a few words"),
            ({"text": "x" * 5001}, "too long for one message"),
            ({"text": "\u202e"}, "Write what happened"),
            ({"text": "so\0"}, "Null characters are not allowed."),
            ({"orders": "twelve"}, "Write order numbers"),
            ({"orders": "9" * 19}, "Write order numbers"),
            ({"orders": ",".join(map(str, range(1, 30)))}, "at most 20 orders"),
            ({"pictures": [upload(b"<?php")]}, "no picture that we know"),
            ({"pictures": [upload() for _ in range(5)]}, "Choose up to 4."),
            ({"pictures": [upload(b"\0" * (8 * 1024 * 1024 + 1))]}, "This picture is too large."),
        ],
    )
    def test_says_beside_the_field_what_is_wrong(
        self, client: Client, alice: User, fields: dict[str, Any], words: str
    ) -> None:
        response = client.post("/tickets/new", {"subject": "so", "text": "so"} | fields)

        assert response.status_code == 200
        assert words in response.content.decode()
        assert 'aria-invalid="true"' in response.content.decode()
        assert not Ticket.objects.exists()

    def test_says_above_the_form_what_is_about_no_field(self, client: Client, alice: User) -> None:
        for _ in range(desk.UNCLOSED_MAX):
            scene.ticket(alice)

        response = client.post("/tickets/new", {"subject": "so", "text": "so"})

        assert "You have many tickets that are not closed yet." in response.content.decode()

    def test_says_when_an_hour_is_full(self, client: Client, alice: User) -> None:
        ticket = scene.ticket(alice)
        for _ in range(desk.MESSAGES_AN_HOUR_MAX):
            Message.objects.create(
                ticket=ticket, author=alice, kind=Kind.CUSTOMER, text="so", at=clock.now()
            )

        response = client.post("/tickets/new", {"subject": "so", "text": "so"})

        assert "You have written a lot in the last hour." in response.content.decode()


class TestPage:
    def test_shows_the_thread_and_the_orders(self, client: Client, alice: User) -> None:
        order = scene.order(alice)
        ticket = scene.ticket(
            alice, text="<script>", order_ids=[order.pk], uploads=[scene.picture()]
        )
        carol = cast.carol().user
        staff.answer(ticket_id=ticket.pk, author_id=carol.pk, text="Soon.", now=NOW)
        staff.note(ticket_id=ticket.pk, author_id=carol.pk, text="Careful.", now=NOW)

        page = html(client, f"/tickets/{ticket.pk}")

        assert "&lt;script&gt;" in page
        assert "Soon." in page
        assert "Careful." not in page
        assert carol.username not in page
        assert f"/orders/{order.pk}" in page
        assert re.search(r'<img src="/attachments/[\w-]+\.webp" width="40" height="30"', page)

    def test_is_read_then(self, client: Client, alice: User) -> None:
        ticket = scene.ticket(alice)
        staff.answer(ticket_id=ticket.pk, author_id=cast.carol().user.pk, text="so", now=NOW)
        badge = '<span class="badge badge-urgent">1</span>'
        assert badge in html(client, "/tickets")

        assert badge not in html(client, f"/tickets/{ticket.pk}")

        assert badge not in html(client, "/tickets")

    def test_asks_the_same_number_of_questions_of_any_thread(
        self, client: Client, alice: User
    ) -> None:
        ticket = scene.ticket(alice, order_ids=[scene.order(alice).pk])
        for count in (1, 6):
            for _ in range(count):
                desk.answer(
                    user_id=alice.pk,
                    ticket_id=ticket.pk,
                    text="so",
                    uploads=[scene.picture()],
                    now=NOW,
                )
            ticket.orders.add(scene.order(alice))

            assert questions(client, f"/tickets/{ticket.pk}") == [
                "orders_order",
                "tickets_message",
                "tickets_picture",
                "tickets_ticket",
            ]


class TestForeign:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("get", ""), ("get", "/thread"), ("post", "/answer"), ("post", "/close")],
    )
    def test_answers_like_absent(self, client: Client, alice: User, method: str, path: str) -> None:
        foreign = scene.ticket(cast.bob().user)

        def answer(ticket_id: int) -> tuple[int, str]:
            response = getattr(client, method)(f"/tickets/{ticket_id}{path}", {"text": "so"})
            said = without_tokens(response.content.decode())
            return response.status_code, said.replace(f"/tickets/{ticket_id}", "")

        assert answer(foreign.pk)[0] == 404
        assert answer(foreign.pk) == answer(999_999) == answer(NOBODY)
        assert Message.objects.count() == 1
        assert Ticket.objects.get().state == State.OPEN


class TestLive:
    def test_is_silent_until_there_is_something_new(self, client: Client, alice: User) -> None:
        ticket = scene.ticket(alice)
        page = html(client, f"/tickets/{ticket.pk}")
        seen = re.search(r'name="seen" value="([^"]+)"', page)
        assert seen is not None
        path = f"/tickets/{ticket.pk}/thread?seen={seen[1]}"

        assert client.get(path).status_code == 204
        assert sorted(_tables(client, path).elements()) == ["tickets_message", "tickets_ticket"]
        staff.answer(ticket_id=ticket.pk, author_id=cast.carol().user.pk, text="Soon.", now=NOW)
        part = html(client, path)

        assert "Soon." in part
        assert "<html" not in part
        assert desk.unread(user_id=alice.pk) == 0


class TestAnswer:
    def test_is_added(self, client: Client, alice: User) -> None:
        ticket = scene.ticket(alice)

        response = client.post(
            f"/tickets/{ticket.pk}/answer", {"text": "And now?", "pictures": upload()}
        )

        assert response["Location"] == f"/tickets/{ticket.pk}"
        assert Message.objects.latest("pk").text == "And now?"
        assert Picture.objects.count() == 1

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"text": ""}, "This field is required."),
            ({"text": "x" * 5001}, "too long for one message"),
            ({"text": "so", "pictures": upload(b"so")}, "no picture that we know"),
        ],
    )
    def test_says_what_is_wrong(
        self, client: Client, alice: User, fields: dict[str, Any], words: str
    ) -> None:
        ticket = scene.ticket(alice)

        response = client.post(f"/tickets/{ticket.pk}/answer", fields)

        assert words in response.content.decode()
        assert Message.objects.count() == 1


class TestClose:
    def test_is_done_and_said_once(self, client: Client, alice: User) -> None:
        ticket = scene.ticket(alice)
        path = f"/tickets/{ticket.pk}/close"

        first = client.post(path, follow=True).content.decode()
        second = client.post(path, follow=True).content.decode()

        assert "The ticket is closed." in first
        assert "This ticket is closed already." in second
        assert Ticket.objects.get().state == State.CLOSED

    def test_is_no_link(self, client: Client, alice: User) -> None:
        assert client.get(f"/tickets/{scene.ticket(alice).pk}/close").status_code == 405
