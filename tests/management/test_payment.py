from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from relaypanel import money
from relaypanel.accounts.models import AuditEntry
from relaypanel.payments import affiliates, currencies, methods
from relaypanel.payments.models import Basis, PaymentMethod, State, TopUp
from tests import cast
from tests.payments import till

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("payment", *arguments, stdout=out)
    return out.getvalue()


class TestTopUps:
    def test_are_listed_confirmed_and_rejected(self) -> None:
        alice = cast.alice().user
        cast.carol()
        first, second = till.requested(alice), till.requested(alice)
        assert run("list").splitlines() == [
            f"{one.reference}  50 USD  alice  Bank transfer  requested" for one in (first, second)
        ]

        said = run("confirm", first.reference.lower(), "--by", "carol")
        run("reject", second.reference, "--by", "carol", "--reason", "No transfer.")

        assert said == f"{first.reference} is confirmed: 50 USD for alice.\n"
        assert till.balance(alice) == "50"
        assert TopUp.objects.get(pk=second.pk).state == State.REJECTED
        with pytest.raises(CommandError, match="confirmed already"):
            run("confirm", first.reference, "--by", "carol")

    def test_that_are_not_there_are_refused(self) -> None:
        with pytest.raises(CommandError, match="no top-up RPX"):
            run("confirm", "RPX", "--by", "carol")

    def test_need_somebody_who_decides(self) -> None:
        wanted = till.requested(cast.alice().user)

        with pytest.raises(CommandError, match="no user"):
            run("confirm", wanted.reference, "--by", "nobody")


class TestMethod:
    def test_is_added_and_changed_by_its_name(self) -> None:
        run("currency", "vnd", "25400")

        run("method", "Bank", "--currency", "VND", "--bonus", "2.5", "--max", "500")
        run("method", "Bank", "--off")

        method = PaymentMethod.objects.get()
        assert (method.is_on, method.currency_id, method.bonus_bp) == (False, None, 0)

    def test_leaves_a_line_in_the_audit_log(self) -> None:
        run("method", "Bank", "--max", "500")
        run("method", "Bank", "--max", "600")

        entries = AuditEntry.objects.order_by("pk")
        assert [entry.act for entry in entries] == ["payment_method.add", "payment_method.change"]
        assert (entries[1].before["max"], entries[1].after["max"]) == ("500", "600")
        assert entries[1].user is None

    def test_with_a_gateway_tells_its_secret_once(self) -> None:
        said = run("method", "Bot", "--gateway", "signed")
        again = run("method", "Bot", "--gateway", "signed")

        method = PaymentMethod.objects.get()
        assert f"/payments/hooks/{method.pk}" in said
        assert methods.secret_of(method) in said
        assert "whsec_" not in again

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("--currency", "VND"), "Set the rate first"),
            (("--bonus", "101"), "percentage"),
            (("--bonus", "1.001"), "percentage"),
            (("--min", "x"), "not an amount"),
            (("--min", "2", "--max", "1"), "not above the most"),
            (("--bank-bin", "97"), "six digits"),
        ],
    )
    def test_is_not_made_of_what_is_wrong(self, options: tuple[str, ...], words: str) -> None:
        with pytest.raises(CommandError, match=words):
            run("method", "Bank", *options)

        assert not PaymentMethod.objects.exists()


class TestCurrency:
    def test_is_what_its_owner_says(self) -> None:
        assert run("currency", "VND", "25400") == "1 USD is 25400 VND.\n"
        assert currencies.about_e8(money.ONE_E8, code="VND") == money.parse("25400")

    @pytest.mark.parametrize(("code", "rate"), [("V1D", "1"), ("DONG", "1"), ("VND", "0")])
    def test_has_three_letters_and_a_rate(self, code: str, rate: str) -> None:
        with pytest.raises(CommandError):
            run("currency", code, rate)


class TestAffiliates:
    def test_get_what_their_owner_says(self) -> None:
        run("affiliates", "5.5", "--of", "spending")
        terms = affiliates.terms()
        assert (terms.is_on, terms.basis, terms.share_bp) == (True, Basis.SPENDING, 550)

        run("affiliates", "0")
        assert not affiliates.terms().is_on
