from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from relaypanel.ledger.models import Account
from tests import cast


@pytest.mark.django_db
class TestAudit:
    def test_says_what_it_proved(self, capsys: pytest.CaptureFixture[str]) -> None:
        cast.alice(balance="1")
        cast.bob()

        call_command("audit")

        assert capsys.readouterr().out.splitlines() == [
            "proving 2 customer balances, 1 transfers",
            "proving 0 orders",
            "proving 0 top-ups, 0 affiliates' shares",
            "The books agree.",
        ]

    def test_names_every_difference_and_fails(self, capsys: pytest.CaptureFixture[str]) -> None:
        alice, bob = cast.alice(balance="1").user, cast.bob().user
        Account.objects.filter(user__isnull=False).update(balance_e8=F("balance_e8") + 1)

        with pytest.raises(CommandError, match="differ in 2 places") as failure:
            call_command("audit")

        output = capsys.readouterr().out
        assert failure.value.returncode == 1
        assert (
            f"different: the balance of user {alice.pk} says 1.00000001,"
            " but its transfers come to 1\n"
        ) in output
        assert f"different: the balance of user {bob.pk} says 0.00000001" in output
