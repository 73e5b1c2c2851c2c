from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import relaypanel
from relaypanel.orders.models import Status
from tests.dashboard.browser import signed_in
from tests.orders import scene

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

    def test_are_not_for_strangers_nor_for_programs(self) -> None:
        answer = Client().post("/orders/1/cancel", {"asks": WORDS})
        program = Client().post("/payments/hooks/1", {"asks": WORDS})

        assert answer.status_code == 302
        assert WORDS.encode() not in program.content


class TestPages:
    def test_of_the_shop_ask_without_script_too(self) -> None:
        """An attribute would ask through the script alone, and the form act at once without."""
        root = Path(relaypanel.__file__).parent
        templates = [*root.glob("dashboard/**/*.html"), *root.glob("look/**/*.html")]

        assert [path.name for path in templates if "data-confirm" in path.read_text()] == []
