from __future__ import annotations

import json
from typing import Any

import pytest

from relaypanel.contract import OrderType
from relaypanel.errors import ProviderError
from relaypanel.providers import dialect, pricelist
from relaypanel.providers.answers import Fault, Listing
from relaypanel.providers.dialect import Json
from relaypanel.providers.faults import Declined

# As the specification shows it.
ROW: dict[str, Any] = {
    "service": 2,
    "name": "Facebook Tăng Bình Luận Việt 🇻🇳",
    "desc": "Like chất lượng cao",
    "type": "Custom Comments",
    "category": "FB Bình luận",
    "platform": "Dịch vụ Facebook",
    "rate": "57500",
    "min": "10",
    "max": "1500",
    "refill": False,
    "cancel": True,
    "dripfeed": True,
}
LISTING = Listing(
    upstream_id="2",
    name="Facebook Tăng Bình Luận Việt 🇻🇳",
    description="Like chất lượng cao",
    category="FB Bình luận",
    platform="Dịch vụ Facebook",
    type=OrderType.CUSTOM_COMMENTS,
    rate_e8=57_500 * 10**8,
    min=10,
    max=1500,
    refill=False,
    cancel=True,
    dripfeed=True,
)


def parsed(document: Any) -> Json:
    return dialect.decode(json.dumps(document).encode())


OTHER = ROW | {"service": 3}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in OTHER.items() if key != name}


class TestRead:
    def test_returns_the_list(self) -> None:
        listings, left_out = pricelist.read(parsed([OTHER, ROW]))

        assert listings[1] == LISTING
        assert [listing.upstream_id for listing in listings] == ["3", "2"]
        assert left_out == 0

    @pytest.mark.parametrize(
        "row",
        [
            ROW | {"service": "2", "rate": 57500, "min": 10.0, "max": 1500},
            ROW | {"rate": 57500.0, "type": "custom_comments"},
            ROW | {"refill": "false", "cancel": "1", "dripfeed": 1},
            without("refill") | {"service": 2, "cancel": "true"},
            without("desc") | {"service": 2, "description": ROW["desc"]},
        ],
    )
    def test_reads_every_way_to_say_the_same(self, row: dict[str, Any]) -> None:
        assert pricelist.read(parsed([row])) == ([LISTING], 0)

    @pytest.mark.parametrize(
        "document",
        [
            {"services": [ROW]},
            {"status": "success", "data": [ROW]},
            {"result": {"2": ROW}},
            {"2": ROW},
        ],
    )
    def test_unwraps_a_list(self, document: Any) -> None:
        assert pricelist.read(parsed(document)) == ([LISTING], 0)

    @pytest.mark.parametrize(
        "row",
        [
            *(None, "2", 2, [], {}),
            *(without(name) for name in ("service", "type", "rate", "min", "max")),
            OTHER | {"service": ""},
            OTHER | {"service": "x" * 41},
            OTHER | {"service": None},
            OTHER | {"type": "Live stream"},
            OTHER | {"rate": "-1"},
            OTHER | {"rate": 0},
            OTHER | {"rate": "0.000000001"},
            OTHER | {"rate": "0,27"},
            OTHER | {"rate": "NaN"},
            OTHER | {"rate": 10**12},
            OTHER | {"rate": None},
            OTHER | {"min": "1501"},
            OTHER | {"min": -1},
            OTHER | {"min": "ten"},
            OTHER | {"max": 2**63},
            OTHER | {"max": "1.5"},
        ],
    )
    def test_leaves_out_what_could_not_be_sold(self, row: Any) -> None:
        assert pricelist.read(parsed([ROW, row])) == ([LISTING], 1)

    def test_takes_the_first_of_two_with_one_id(self) -> None:
        assert pricelist.read(parsed([ROW, ROW | {"rate": "1"}])) == ([LISTING], 1)

    @pytest.mark.parametrize("document", [[], {}, {"services": []}, {"data": {}}])
    def test_may_be_empty(self, document: Any) -> None:
        assert pricelist.read(parsed(document)) == ([], 0)

    def test_raises_for_a_refusal(self) -> None:
        with pytest.raises(Declined, match="Invalid API key") as declined:
            pricelist.read({"error": "Invalid API key"})

        assert declined.value.fault is Fault.BAD_KEY

    @pytest.mark.parametrize("document", [None, True, 5, "none", {"services": 5}, {"a": 1}])
    def test_raises_when_there_is_no_list(self, document: Any) -> None:
        with pytest.raises(ProviderError):
            pricelist.read(parsed(document))
