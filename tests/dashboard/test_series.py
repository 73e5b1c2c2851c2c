from __future__ import annotations

from typing import Any

import pytest

from relaypanel.contract import OrderType
from relaypanel.orders.models import DripFeed, Refill
from tests import cast
from tests.dashboard.browser import queries, signed_in
from tests.orders import scene
from tests.orders.scene import NOW

pytestmark = pytest.mark.django_db


def get(path: str) -> Any:
    return signed_in(scene.alice()).get(path)


def subscribed() -> Any:
    fields = {"username": "an", "min": "100", "max": "200", "delay": "0"}
    return scene.placed(scene.relayed(type=OrderType.SUBSCRIPTIONS), **fields)


class TestLists:
    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("/drip-feeds", "No drip-feeds here"),
            ("/subscriptions", "No subscriptions here"),
            ("/refills", "No refills here"),
        ],
    )
    def test_say_when_there_is_nothing(self, path: str, words: str) -> None:
        assert words in get(path).content.decode()

    @pytest.mark.parametrize("path", ["/drip-feeds", "/subscriptions", "/refills"])
    @pytest.mark.parametrize("query", ["state=x", "after=x", "state=open&after=" + "9" * 19])
    def test_take_any_query(self, path: str, query: str) -> None:
        assert get(f"{path}?{query}").status_code == 200

    def test_tell_what_a_stop_gives_back(self) -> None:
        scene.drip_feed(runs=3)

        assert "Stop, $3.00 back" in get("/drip-feeds").content.decode()

    def test_show_subscriptions_and_refills(self) -> None:
        subscription, order = subscribed(), scene.order()
        Refill.objects.create(order=order, user_id=order.user_id, asked_at=NOW, due_at=NOW)

        assert f"/orders/{subscription.pk}" in get("/subscriptions").content.decode()
        assert f"/orders/{order.pk}" in get("/refills").content.decode()

    def test_ask_the_same_queries_for_any_number(self) -> None:
        client = signed_in(scene.alice())
        scene.drip_feed()
        few = queries(client, "/drip-feeds")
        for _ in range(5):
            scene.drip_feed()

        assert queries(client, "/drip-feeds") == few

    def test_answer_a_live_part_alone(self) -> None:
        part = signed_in(scene.alice()).get("/drip-feeds", headers={"HX-Request": "true"})

        assert "<html" not in part.content.decode()


class TestSwitches:
    def test_pause_resume_and_stop(self) -> None:
        feed, client = scene.drip_feed(), signed_in(scene.alice())

        states = []
        for switch in ("pause", "resume", "stop", "pause"):
            response = client.post(
                f"/drip-feeds/{feed.pk}/{switch}", {"next": f"/orders/{feed.pk}"}
            )
            assert response["Location"] == f"/orders/{feed.pk}"
            states.append(DripFeed.objects.get().state)

        assert states == ["paused", "going", "made", "made"]

    def test_find_nothing_of_somebody_else(self) -> None:
        feed = scene.drip_feed()
        stranger = signed_in(cast.bob().user)

        assert stranger.post(f"/drip-feeds/{feed.pk}/stop").status_code == 404

    def test_lead_nowhere_else(self) -> None:
        feed = scene.drip_feed()

        response = signed_in(scene.alice()).post(
            f"/drip-feeds/{feed.pk}/pause", {"next": "https://evil.example/"}
        )

        assert response["Location"] == "/drip-feeds"
