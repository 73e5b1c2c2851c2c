"""Holds the contract against the specification: docs/api-v2.md, part A."""

from __future__ import annotations

import pytest

from relaypanel import contract
from relaypanel.contract import FIELDS, TYPES, Kind, OrderType, TypeSpec


class TestWords:
    def test_of_orders_are_those_of_the_specification(self) -> None:
        assert [word.value for word in contract.OrderWord] == [
            "Pending",
            "Processing",
            "In progress",
            "Completed",
            "Partial",
            "Canceled",
        ]

    def test_of_refills_are_those_of_the_specification(self) -> None:
        assert [word.value for word in contract.RefillWord] == [
            "Pending",
            "In progress",
            "Completed",
            "Rejected",
        ]

    def test_of_actions_are_those_of_the_specification(self) -> None:
        assert {action.value for action in contract.Action} == {
            "services",
            "add",
            "status",
            "cancel",
            "balance",
            "refill",
            "refill_status",
        }

    def test_a_row_of_services_has_its_fields_in_order(self) -> None:
        assert list(contract.ServiceRow.__annotations__) == [
            *("service", "name", "desc", "type", "category", "platform"),
            *("rate", "min", "max", "refill", "cancel", "dripfeed"),
        ]


class TestTypes:
    def test_are_seventeen(self) -> None:
        assert len(TYPES) == 17
        assert set(TYPES) == set(OrderType)

    @pytest.mark.parametrize("spec", TYPES.values(), ids=TYPES)
    def test_know_each_field_they_name(self, spec: TypeSpec) -> None:
        chosen = [name for choice in (spec.when or {}).values() for name in choice.values()]

        assert set(spec.needed) | set(spec.optional) | set(chosen) <= set(FIELDS)
        assert not set(spec.needed) & set(spec.optional)

    @pytest.mark.parametrize("spec", TYPES.values(), ids=TYPES)
    def test_say_where_the_quantity_comes_from(self, spec: TypeSpec) -> None:
        if spec.quantity is None:
            assert spec.rate_per == 1
            assert "quantity" not in spec.needed
        else:
            assert spec.rate_per == 1000
            assert spec.quantity in spec.needed
            assert FIELDS[spec.quantity].kind is (
                Kind.NUMBER if spec.quantity == "quantity" else Kind.LINES
            )

    @pytest.mark.parametrize("spec", TYPES.values(), ids=TYPES)
    def test_ask_for_a_field_only_on_a_choice_that_exists(self, spec: TypeSpec) -> None:
        for asked, by_choice in (spec.when or {}).items():
            assert asked in spec.needed
            assert set(by_choice) <= FIELDS[asked].choices
            assert set(by_choice.values()) <= set(spec.optional)

    def test_are_dripped_where_a_number_can_be_repeated(self) -> None:
        assert {name for name, spec in TYPES.items() if spec.drip_feed} == {
            OrderType.DEFAULT,
            OrderType.WEB_TRAFFIC,
        }


class TestFields:
    @pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
    def test_have_bounds_that_leave_room(self, field: contract.Field) -> None:
        assert 0 <= field.least <= field.most
        assert all(field.least <= choice <= field.most for choice in field.choices)
        assert field.kind is Kind.NUMBER or not field.choices

    def test_delays_are_those_of_the_specification(self) -> None:
        assert sorted(contract.DELAYS_MINUTES) == [
            *(0, 5, 10, 15, 20, 30, 40, 50, 60, 90, 120, 150, 180, 210),
            *(240, 270, 300, 360, 420, 480, 540, 600),
        ]
