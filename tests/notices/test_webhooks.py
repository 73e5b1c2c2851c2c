from __future__ import annotations

from typing import Any

import pytest

from relaypanel.notices import webhooks
from relaypanel.notices.models import Delivery, DeliveryState, Endpoint, Kind
from tests import cast
from tests.cast import NOW

pytestmark = pytest.mark.django_db

URL = "https://shop.example/hook"


class TestAdd:
    def test_shows_the_secret_this_once(self) -> None:
        alice = cast.alice().user

        endpoint, secret = webhooks.add(
            user_id=alice.pk, url=URL, events=["order.partial", "order.partial"], now=NOW
        )

        kept = Endpoint.objects.get()
        assert (kept.url, kept.events) == (URL, ["order.partial"])
        assert secret not in kept.secret_sealed
        assert webhooks.secret_of(kept) == secret
        assert webhooks.renew_secret(endpoint) != secret

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "shop.example",
            "ftp://shop.example/",
            "https://",
            "https://user:pass@shop.example/",
            "https://shop.example:99999/",
            "https://shop.example/ a",
            "https://cửahàng.example/",
            "https://[::1",
            f"https://shop.example/{'x' * 500}",
            "javascript:alert(1)",
        ],
    )
    def test_takes_no_other_address(self, url: str) -> None:
        with pytest.raises(webhooks.BadWebhookUrl):
            webhooks.add(user_id=cast.alice().user.pk, url=url, events=["order.partial"], now=NOW)

    @pytest.mark.parametrize("events", [[], ["test"], ["order.partial", "nothing"], [""]])
    def test_takes_no_unknown_event(self, events: list[str]) -> None:
        with pytest.raises(webhooks.UnknownEvent):
            webhooks.add(user_id=cast.alice().user.pk, url=URL, events=events, now=NOW)

    def test_takes_a_few(self) -> None:
        alice = cast.alice().user
        for _ in range(webhooks.WEBHOOKS_MAX):
            webhooks.add(user_id=alice.pk, url=URL, events=["order.partial"], now=NOW)

        with pytest.raises(webhooks.TooManyWebhooks):
            webhooks.add(user_id=alice.pk, url=URL, events=["order.partial"], now=NOW)


class TestOthers:
    def test_find_nothing(self) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        endpoint, _ = webhooks.add(user_id=bob.pk, url=URL, events=["order.partial"], now=NOW)
        delivery = webhooks.send_test(user_id=bob.pk, endpoint_id=endpoint.pk, now=NOW)

        for pk in (endpoint.pk, endpoint.pk + 1):
            for act in (
                lambda pk: webhooks.own(alice.pk, pk),
                lambda pk: webhooks.change(
                    user_id=alice.pk, endpoint_id=pk, url=URL, events=["order.partial"]
                ),
                lambda pk: webhooks.turn(user_id=alice.pk, endpoint_id=pk, on=False, now=NOW),
                lambda pk: webhooks.remove(user_id=alice.pk, endpoint_id=pk),
                lambda pk: webhooks.send_test(user_id=alice.pk, endpoint_id=pk, now=NOW),
                lambda pk: webhooks.replay(
                    user_id=alice.pk, endpoint_id=pk, delivery_id=delivery.pk, now=NOW
                ),
            ):
                with pytest.raises(webhooks.WebhookNotFound):
                    act(pk)
        assert Endpoint.objects.get().disabled_at is None


class TestChangeTurnRemove:
    def test_do_what_they_say(self) -> None:
        alice = cast.alice().user
        endpoint, _ = webhooks.add(user_id=alice.pk, url=URL, events=["order.partial"], now=NOW)

        webhooks.change(
            user_id=alice.pk, endpoint_id=endpoint.pk, url=f"{URL}/2", events=["balance.low"]
        )
        webhooks.turn(user_id=alice.pk, endpoint_id=endpoint.pk, on=False, now=NOW)

        endpoint.refresh_from_db()
        assert (endpoint.url, endpoint.events) == (f"{URL}/2", ["balance.low"])
        assert endpoint.disabled_at == NOW
        webhooks.turn(user_id=alice.pk, endpoint_id=endpoint.pk, on=True, now=NOW)
        endpoint.refresh_from_db()
        assert endpoint.disabled_at is None
        webhooks.remove(user_id=alice.pk, endpoint_id=endpoint.pk)
        assert not Endpoint.objects.exists()


class TestReplay:
    def test_lets_what_has_ended_wait_again(self) -> None:
        alice = cast.alice().user
        endpoint, _ = webhooks.add(user_id=alice.pk, url=URL, events=["order.partial"], now=NOW)
        delivery = webhooks.send_test(user_id=alice.pk, endpoint_id=endpoint.pk, now=NOW)
        asked: dict[str, Any] = {
            "user_id": alice.pk,
            "endpoint_id": endpoint.pk,
            "delivery_id": delivery.pk,
            "now": NOW,
        }
        assert delivery.notice.kind == Kind.WEBHOOK_TEST
        assert not webhooks.replay(**asked)
        Delivery.objects.update(state=DeliveryState.DELIVERED, ended_at=NOW, attempts=3)

        assert webhooks.replay(**asked)

        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts) == (DeliveryState.WAITING, 0)
        with pytest.raises(webhooks.WebhookNotFound):
            webhooks.replay(**asked | {"delivery_id": delivery.pk + 1})
