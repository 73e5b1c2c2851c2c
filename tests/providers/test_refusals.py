from __future__ import annotations

import pytest

from relaypanel.providers import dialect, refusals
from relaypanel.providers.answers import Fault, Rejected

ROWS = [
    '"Incorrect order ID"',
    '{"error": "Incorrect order ID"}',
    '{"errors": ["Incorrect order ID"]}',
    '{"errors": {"order": ["Incorrect order ID"]}}',
    '{"error": {"message": "Incorrect order ID", "code": 5}}',
    '{"error": {"code": 5, "error": "Incorrect order ID"}}',
    '{"error": true, "message": "Incorrect order ID"}',
    '{"error": 1, "msg": "Incorrect order ID"}',
    '{"error": "1", "message": ["Incorrect order ID"]}',
    '{"order": 3, "cancel": {"error": "Incorrect order ID"}}',
    '{"order": 3, "refill": {"error": "Incorrect order ID"}}',
    '{"refill": 3, "status": {"error": "Incorrect order ID"}}',
    '{"status": "error", "message": "Incorrect order ID"}',
    '{"status": "FAIL", "msg": "Incorrect order ID"}',
    '{"success": false, "message": "Incorrect order ID"}',
    '{"success": 0, "message": "Incorrect order ID"}',
    '{"status": "Completed", "charge": "1", "error": "Incorrect order ID"}',
]


class TestFind:
    @pytest.mark.parametrize("row", ROWS)
    def test_reads_every_shape(self, row: str) -> None:
        refusal = refusals.find(dialect.decode(row.encode()))

        assert refusal == Rejected(fault=Fault.UNKNOWN_ORDER, words="Incorrect order ID")

    @pytest.mark.parametrize(
        "row",
        [
            *("null", "true", "5", '""', '"5"', "[]", "{}", '["Incorrect order ID"]'),
            '{"error": null}',
            '{"error": false}',
            '{"error": ""}',
            '{"error": "0"}',
            '{"error": 0}',
            '{"error": []}',
            '{"error": "None", "errors": {}}',
            '{"success": true, "message": "Done"}',
            '{"status": {"charge": "1"}}',
            '{"status": "error", "charge": "1.5"}',
            '{"status": "Failed", "remains": null, "message": "sorry"}',
        ],
    )
    def test_finds_none_where_there_is_none(self, row: str) -> None:
        assert refusals.find(dialect.decode(row.encode())) is None

    @pytest.mark.parametrize(
        "row",
        [
            '{"error": true}',
            '{"error": {"code": 5}}',
            '{"error": [[[["deep"]]]]}',
            '{"status": "fail"}',
        ],
    )
    def test_has_words_of_its_own_for_an_error_without(self, row: str) -> None:
        refusal = refusals.find(dialect.decode(row.encode()))

        assert refusal == Rejected(fault=Fault.OTHER, words="an error without words")

    def test_reads_words_in_any_script(self) -> None:
        refusal = refusals.find({"error": "Ошибка"})

        assert refusal == Rejected(fault=Fault.OTHER, words="Ошибка")

    def test_goes_by_the_status_of_the_reply(self) -> None:
        refusal = refusals.find({"error": "Oops"}, status=429)

        assert refusal == Rejected(fault=Fault.RATE_LIMIT, words="Oops")
