from __future__ import annotations

import pytest
from pytest_django import Settings

from tests import cast
from tests.api_v2.client import call

pytestmark = pytest.mark.django_db


class TestBalance:
    def test_replies_as_the_specification_says(self) -> None:
        key = cast.alice(balance="100.84292").api_key

        assert call(key=key, action="balance") == b'{"balance":"100.84292","currency":"USD"}'

    def test_is_0_for_a_new_customer(self) -> None:
        key = cast.alice().api_key

        assert call(key=key, action="balance") == b'{"balance":"0","currency":"USD"}'

    def test_keeps_every_digit_of_a_large_balance(self) -> None:
        key = cast.alice(balance="87654321098.76543").api_key

        assert (
            call(key=key, action="balance") == b'{"balance":"87654321098.76543","currency":"USD"}'
        )

    def test_names_the_currency_of_the_panel(self, settings: Settings) -> None:
        settings.CURRENCY = "VND"
        key = cast.alice(balance="15000").api_key

        assert call(key=key, action="balance") == b'{"balance":"15000","currency":"VND"}'
