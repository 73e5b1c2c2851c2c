from __future__ import annotations

import pytest

from relaypanel.accounts.audit_log import Actor
from relaypanel.ledger.models import Transfer
from relaypanel.payments import incoming, topup
from relaypanel.payments.gateways.interface import Forged
from relaypanel.payments.incoming import Outcome
from relaypanel.payments.models import GatewayEvent, PaymentMethod, State, TopUp
from tests import cast
from tests.cast import NOW
from tests.payments import till

pytestmark = pytest.mark.django_db


def tell(method: PaymentMethod, secret: str, body: bytes, *, event_id: str = "evt_1") -> Outcome:
    headers = till.signed(secret, body, event_id=event_id)
    return incoming.receive(method_id=method.pk, headers=headers, body=body, now=NOW)


class TestReceive:
    def test_pays_what_was_paid_once(self) -> None:
        method, secret = till.gateway()
        alice = cast.alice().user
        body = till.message(till.requested(alice, by=method))

        assert tell(method, secret, body) is Outcome.PAID
        assert tell(method, secret, body) is Outcome.KNOWN
        assert tell(method, secret, body, event_id="evt_2") is Outcome.KNOWN

        assert till.balance(alice) == "50"
        done = TopUp.objects.get()
        assert (done.state, done.by_gateway, done.decided_by) == (State.CONFIRMED, True, None)
        assert till.books_agree()

    def test_one_event_pays_one_top_up(self) -> None:
        method, secret = till.gateway()
        alice = cast.alice().user
        first, second = (till.requested(alice, by=method) for _ in range(2))

        tell(method, secret, till.message(first))

        assert tell(method, secret, till.message(second)) is Outcome.KNOWN
        assert till.balance(alice) == "50"

    def test_finds_that_staff_were_quicker(self) -> None:
        method, secret = till.gateway()
        alice = cast.alice().user
        wanted = till.requested(alice, by=method)
        staff = topup.Decider(staff=Actor(user_id=cast.carol().user.pk, address=None))
        topup.confirm(topup_id=wanted.pk, by=staff, now=NOW)

        assert tell(method, secret, till.message(wanted)) is Outcome.KNOWN
        assert till.balance(alice) == "50"

    def test_pays_nothing_that_staff_rejected(self) -> None:
        method, secret = till.gateway()
        alice = cast.alice().user
        wanted = till.requested(alice, by=method)
        topup.reject(topup_id=wanted.pk, by=topup.GATEWAY, reason="Nothing came.", now=NOW)

        assert tell(method, secret, till.message(wanted)) is Outcome.KNOWN
        assert till.balance(alice) == "0"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"amount": "50.00000001"},
            {"amount": "49.99"},
            {"amount": "0"},
            {"currency": "VND"},
            {"currency": "usd"},
            {"reference": "RPXXXXXXXX"},
            {"reference": ""},
        ],
    )
    def test_pays_nothing_that_is_not_our_row(self, wrong: dict[str, str]) -> None:
        method, secret = till.gateway()
        wanted = till.requested(cast.alice().user, by=method)

        with pytest.raises(incoming.DoesNotMatch):
            tell(method, secret, till.message(wanted, **wrong))

        assert not Transfer.objects.exists()
        assert not GatewayEvent.objects.exists()

    def test_does_not_know_the_top_up_of_another_method(self) -> None:
        method, secret = till.gateway()
        other, _ = till.gateway()
        wanted = till.requested(cast.alice().user, by=other)

        with pytest.raises(incoming.DoesNotMatch):
            tell(method, secret, till.message(wanted))

    def test_believes_nothing_without_a_secret_of_its_own(self) -> None:
        method, secret = till.gateway()
        bare, moved = till.method(gateway="signed"), till.method(gateway="signed")
        method.refresh_from_db()
        PaymentMethod.objects.filter(pk=moved.pk).update(secret_sealed=method.secret_sealed)
        wanted = till.requested(cast.alice().user, by=bare)

        for one in (bare, moved):
            with pytest.raises(Forged):
                tell(one, secret, till.message(wanted))

    def test_knows_no_method_without_a_gateway(self) -> None:
        manual, unknown = till.method(), till.method(gateway="nobody")
        _, secret = till.gateway()

        for method in (manual, unknown):
            with pytest.raises(incoming.NoSuchGateway):
                tell(method, secret, b"{}")

    def test_ignores_what_is_about_something_else(self) -> None:
        method, secret = till.gateway()

        assert tell(method, secret, b'{"type": "ping", "data": {}}') is Outcome.IGNORED
