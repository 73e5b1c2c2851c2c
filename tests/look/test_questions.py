from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import relaypanel
from relaypanel.orders.models import Status
from tests.dashboard.browser import signed_in
from tests.orders import scene
from tests.staff import people

pytestmark = pytest.mark.django_db

WORDS = "It ends <now>."


def sent(order_id: int, **headers: str) -> Any:
    form = {"asks": WORDS, "next": "/x?a=1&b=2", "tick": ["1", "2"]}
    client = signed_in(scene.alice())
    return client.post(f"/orders/{order_id}/cancel", form, headers=headers)


class TestQuestions:
    def test_are_asked_before_anything_is_done(self) -> None:
        order = scene.order(Status.QUEUED)

        page = sent(order.pk).content.decode()

        order.refresh_from_db()
        assert order.status == Status.QUEUED
        assert "It ends &lt;now&gt;." in page
        assert f'action="/orders/{order.pk}/cancel"' in page

    def test_take_the_rest_of_the_form_along_and_not_themselves(self) -> None:
        page = sent(scene.order(Status.QUEUED).pk).content.decode()

        assert '<input type="hidden" name="next" value="/x?a=1&amp;b=2">' in page
        assert page.count('name="tick"') == 2
        assert 'name="asks"' not in page

    def test_lead_back_to_the_page_that_asked(self) -> None:
        order = scene.order(Status.QUEUED)

        ours = sent(order.pk, referer="http://testserver/orders?q=a").content.decode()
        foreign = sent(order.pk, referer="https://evil.example/").content.decode()

        assert 'href="http://testserver/orders?q=a"' in ours
        assert "evil.example" not in foreign

    @pytest.mark.parametrize("asks", ["", None])
    def test_once_answered_are_asked_no_more(self, asks: str | None) -> None:
        order = scene.order(Status.QUEUED)
        form = {} if asks is None else {"asks": asks}

        response = signed_in(scene.alice()).post(f"/orders/{order.pk}/cancel", form)

        order.refresh_from_db()
        assert response.status_code == 302
        assert order.status == Status.CANCELED

    @pytest.mark.parametrize(("act", "is_asked"), [("cancel", True), ("keep", False)])
    def test_of_one_button_are_asked_for_it_alone(self, act: str, is_asked: bool) -> None:
        order = scene.order(Status.QUEUED)
        form = {"act": act, "asks.cancel": WORDS, "asks.drop": "Another one."}

        response = signed_in(scene.alice()).post(f"/orders/{order.pk}/cancel", form)

        page = response.content.decode()
        assert ("It ends &lt;now&gt;." in page) is is_asked
        assert "Another one." not in page
        assert 'name="asks' not in page

    def test_of_the_desk_are_asked_behind_its_gate(self) -> None:
        form = {"asks": WORDS}
        path = "/staff/users/987654321/suspend"

        customer = signed_in(scene.alice()).post(path, form)
        owner = people.owner().post(path, form)

        assert customer.status_code == 404
        assert "It ends &lt;now&gt;." in owner.content.decode()
        assert "Desk" in owner.content.decode()

    def test_are_not_for_strangers_nor_for_programs(self) -> None:
        answer = Client().post("/orders/1/cancel", {"asks": WORDS})
        program = Client().post("/payments/hooks/1", {"asks": WORDS})

        assert answer.status_code == 302
        assert WORDS.encode() not in program.content


class TestPages:
    def test_ask_without_script_too(self) -> None:
        """An attribute would ask through the script alone, and the form act at once without."""
        templates = Path(relaypanel.__file__).parent.glob("**/*.html")

        assert [path.name for path in templates if "data-confirm" in path.read_text()] == []
