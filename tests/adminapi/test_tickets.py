"""The routes of tickets, each by its literal reply."""

from __future__ import annotations

from typing import Any

import pytest

from relaypanel.tickets import desk, staff
from relaypanel.tickets.models import Ticket
from tests import cast
from tests.adminapi.client import NOT_FOUND, Bot, acts, everything, refusal
from tests.tickets import scene
from tests.tickets.scene import NOW

pytestmark = pytest.mark.django_db


def literal(ticket: Ticket, **changes: Any) -> dict[str, Any]:
    return {
        "id": ticket.pk,
        "subject": "Where is it?",
        "user": "alice",
        "status": "open",
        "is_unread": True,
        "assignee": None,
        "created": "2026-11-24 12:00:00",
        "last_update": "2026-11-24 12:00:00",
    } | changes


class TestTickets:
    def test_are_listed(self) -> None:
        ticket = scene.ticket(cast.alice().user)
        bot = Bot()

        assert bot.get("/tickets") == {
            "data": {"count": 1, "list": [literal(ticket)]},
            "pagination": {"next_page_href": ""},
            "error_message": "",
            "error_code": 0,
        }
        assert bot.get("/tickets", status="Open", user="alice")["data"]["count"] == 1
        assert bot.get("/tickets", status="closed")["data"]["count"] == 0
        assert bot.get("/tickets", status="lost") == refusal(103, "Bad or missing field: status.")
        assert bot.get("/tickets", user="nobody") == refusal(103, "There is no such user.")

    def test_are_shown_with_messages(self) -> None:
        alice = cast.alice().user
        ticket = scene.ticket(alice)
        (message,) = ticket.messages.all()

        told = Bot().get(f"/tickets/{ticket.pk}")

        assert told["data"] == literal(ticket, is_unread=False) | {
            "messages": [
                {
                    "id": message.pk,
                    "message": "It has not started.",
                    "sender": "alice",
                    "is_staff": False,
                    "kind": "customer",
                    "created": "2026-11-24 12:00:00",
                }
            ]
        }
        assert staff.unread() == 0

    def test_are_answered(self) -> None:
        alice = cast.alice().user
        ticket = scene.ticket(alice)

        told = Bot().post(f"/tickets/{ticket.pk}/reply", message="Soon.", ticket_id=ticket.pk)

        assert told["data"]["status"] == "answered"
        last = told["data"]["messages"][-1]
        assert (last["message"], last["sender"], last["is_staff"]) == ("Soon.", "olga", True)
        assert desk.unread(user_id=alice.pk) == 1
        assert acts() == ["admin_api.ticket.reply"]

    def test_are_written_to_a_customer(self) -> None:
        alice = cast.alice().user

        told = Bot().post("/tickets/add", username="alice", subject="Hello", message="A word.")

        ticket = Ticket.objects.get()
        now = f"{ticket.opened_at:%Y-%m-%d %H:%M:%S}"
        assert told["data"] == literal(
            ticket,
            subject="Hello",
            status="answered",
            is_unread=False,
            created=now,
            last_update=now,
        )
        assert desk.unread(user_id=alice.pk) == 1
        assert acts() == ["admin_api.ticket.add"]

    @pytest.mark.parametrize(
        ("said", "code", "words"),
        [
            ({"subject": ""}, 103, "Bad or missing field: subject."),
            ({"subject": "x" * 121}, 103, "subject is too long."),
            ({"subject": "\u202e"}, 103, "subject is needed."),
            ({"message": "\u202e"}, 103, "message is needed."),
            ({"message": "x" * 5001}, 103, "message is too long."),
            ({"username": "nobody"}, 103, "There is no such user."),
            ({"username": "olga"}, 103, "There is no such user."),
            ({"user_id": 10**17}, 103, "There is no such user."),
        ],
    )
    def test_are_refused(self, said: dict[str, Any], code: int, words: str) -> None:
        cast.alice()
        bot = Bot()
        before = everything()
        good = {"username": "alice", "subject": "so", "message": "so"}

        assert bot.post("/tickets/add", **good | said) == refusal(code, words)
        assert everything() == before

    def test_are_absent(self) -> None:
        bot = Bot()

        assert bot.get("/tickets/77") == NOT_FOUND
        assert bot.post("/tickets/77/reply", message="so") == NOT_FOUND

    def test_lead_from_page_to_page(self) -> None:
        alice = cast.alice().user
        Ticket.objects.bulk_create(
            Ticket(user=alice, subject="so", opened_at=NOW, changed_at=NOW) for _ in range(26)
        )
        bot = Bot()

        href = bot.get("/tickets", status="open")["pagination"]["next_page_href"]

        assert href.startswith("/adminapi/v2/tickets?status=open&cursor=")
        assert bot.get(href.removeprefix("/adminapi/v2"))["data"]["count"] == 1
