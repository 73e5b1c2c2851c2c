from __future__ import annotations

import pytest

from relaypanel import money
from relaypanel.staff.service_forms import BulkForm

pytestmark = pytest.mark.django_db


class TestBulkForm:
    @pytest.mark.parametrize(("text", "amount"), [("0.5", "0.5"), ("-1.25", "-1.25"), ("", "0")])
    def test_reads_an_amount(self, text: str, amount: str) -> None:
        form = BulkForm({"amount": text})

        assert form.is_valid()
        assert money.text(form.cleaned_data["amount"]) == amount

    @pytest.mark.parametrize("text", ["-100", "-250.5"])
    def test_leaves_something_of_the_price(self, text: str) -> None:
        assert list(BulkForm({"percent": text}).errors) == ["percent"]
