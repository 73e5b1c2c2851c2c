from __future__ import annotations

import pytest
from django.test import Client

from relaypanel.dashboard import gateway
from relaypanel.payments.models import TopUp
from tests import cast
from tests.payments import till

pytestmark = pytest.mark.django_db


def post(client: Client, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, object]:
    answer = client.post(path, body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json()


class TestReceive:
    def test_tells_the_gateway_whether_to_tell_it_again(self) -> None:
        method, secret = till.gateway()
        alice = cast.alice().user
        wanted = till.requested(alice, by=method)
        body, path = till.message(wanted), f"/payments/hooks/{method.pk}"
        # No browser sends this, so no browser's token protects it: the signature does.
        client = Client(enforce_csrf_checks=True)

        assert post(client, path, body, till.signed(secret, body)) == (200, {"status": "paid"})
        assert post(client, path, body, till.signed(secret, body)) == (200, {"status": "known"})
        assert till.balance(alice) == "50"

    def test_refuses_what_it_does_not_believe(self) -> None:
        method, secret = till.gateway()
        wanted = till.requested(cast.alice().user, by=method)
        path, client = f"/payments/hooks/{method.pk}", Client()
        body, other = till.message(wanted), till.message(wanted, amount="1")

        assert post(client, path, body, {}) == (401, {"error": "forged"})
        assert post(client, path, b"{}", till.signed(secret, b"{}"))[0] == 400
        assert post(client, path, other, till.signed(secret, other))[0] == 422
        assert post(client, f"{path}0", body, till.signed(secret, body))[0] == 404
        assert post(client, f"/payments/hooks/{'9' * 30}", body, {})[0] == 404
        long = b" " * (gateway.BODY_BYTES_MAX + 1)
        assert post(client, path, long, till.signed(secret, long))[0] == 413
        assert client.get(path).status_code == 405

    def test_refuses_what_the_account_has_no_room_for(self) -> None:
        method, secret = till.gateway()
        alice = cast.alice(balance="89999999999").user
        body = till.message(till.requested(alice, by=method))

        answer = post(Client(), f"/payments/hooks/{method.pk}", body, till.signed(secret, body))

        assert answer == (409, {"error": "balance_too_large"})
        assert TopUp.objects.get().state == "requested"
