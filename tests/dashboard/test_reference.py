from __future__ import annotations

import json
from typing import Any

import pytest

from relaypanel.api_v2.wire import WORDS
from relaypanel.contract import FIELDS, TYPES, Action, Kind
from relaypanel.dashboard import reference
from relaypanel.dashboard.reference import ACTIONS, Sample
from relaypanel.orders.models import Refill, Status
from tests import cast
from tests.api_v2 import client

SAMPLES = [
    (action, number, sample)
    for action, described in ACTIONS.items()
    for number, sample in enumerate(described.samples)
]


def shape(value: Any) -> Any:
    """Return what a client relies on: names and kinds of values, whatever they are."""
    if isinstance(value, dict):
        return {"" if name.isdigit() else name: shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value]
    return type(value).__name__


class TestActions:
    def test_are_those_of_the_contract(self) -> None:
        assert set(ACTIONS) == set(Action)

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("action", "sample"),
        [(action, sample) for action, _, sample in SAMPLES],
        ids=[f"{action}-{number}" for action, number, _ in SAMPLES],
    )
    def test_reply_as_the_page_says(self, action: Action, sample: Sample) -> None:
        member = cast.alice(balance="100")
        own = _own(member.user, action)
        fields = {name: own.get(name, value) for name, value in sample.fields.items()}

        reply = json.loads(client.call(key=member.api_key, action=action, **fields))

        assert shape(reply) == shape(json.loads(sample.reply_text))

    def test_take_parameters_that_their_samples_know(self) -> None:
        for described in ACTIONS.values():
            names = {parameter.name for parameter in described.parameters}

            assert all(sample.fields.keys() <= names for sample in described.samples)


def _own(user: Any, action: Action) -> dict[str, str]:
    """Return the sample's IDs as those of things that this user has."""
    service = cast.service(refill_days=30, cancel=True)
    if action is Action.ADD:
        return {"service": str(service.pk)}
    status = Status.QUEUED if action is Action.CANCEL else Status.COMPLETED
    order = client.order(user, service, status=status)
    if action is Action.REFILL_STATUS:
        refill = Refill.objects.create(
            order=order,
            user_id=order.user_id,
            asked_at=client.ago(hours=1),
            due_at=client.ago(hours=1),
        )
        return {"refill": str(refill.pk), "refills": f"{refill.pk},999"}
    lists = {
        Action.STATUS: {"orders": f"{order.pk},999"},
        Action.CANCEL: {"orders": f"999,{order.pk}"},
        Action.REFILL: {"orders": f"{order.pk},999"},
    }
    return {"order": str(order.pk)} | lists.get(action, {})


class TestTypes:
    def test_are_those_of_the_contract_with_their_fields(self) -> None:
        rows = {row.name: row for row in reference.types()}

        assert set(rows) == {type_.value for type_ in TYPES}
        assert rows["Custom Comments"].counted == "comments"
        assert rows["Default"].optional == ("runs", "interval")
        assert rows["Package"].rate_per == 1
        assert ("type_of_traffic", 1, "google_keyword") in rows["Web Traffic"].when


class TestLists:
    def test_are_the_fields_that_take_one_item_a_line(self) -> None:
        assert {name for name, field in FIELDS.items() if field.kind is Kind.LINES} == set(
            reference.lists()
        )


class TestErrors:
    def test_are_all_the_words_of_the_door_with_their_gaps_filled(self) -> None:
        told = reference.errors()

        assert len(told) >= len(set(WORDS.values()))
        assert "Quantity less than minimal 200" in told
        assert not [words for words in told if "{" in words]
