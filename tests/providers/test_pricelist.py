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


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ROW.items() if key != name}


class TestRead:
    def test_returns_the_list(self) -> None:
        other = ROW | {"service": 1}

        listings, left_out = pricelist.read(parsed([ROW, other]))

        assert listings[0] == LISTING
        assert [listing.upstream_id for listing in listings] == ["2", "1"]
        assert left_out == 0

    @pytest.mark.parametrize(
        "row",
        [
            ROW | {"service": "2", "rate": 57500, "min": 10.0, "max": 1500},
            ROW | {"rate": 57500.0, "type": "custom_comments"},
            ROW | {"refill": "false", "cancel": "1", "dripfeed": 1},
            without("refill") | {"cancel": "true"},
            without("desc") | {"description": ROW["desc"]},
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
            ROW | {"service": ""},
            ROW | {"service": "x" * 41},
            ROW | {"service": None},
            ROW | {"type": "Live stream"},
            ROW | {"rate": "-1"},
            ROW | {"rate": 0},
            ROW | {"rate": "0.000000001"},
            ROW | {"rate": "0,27"},
            ROW | {"rate": "NaN"},
            ROW | {"rate": 10**12},
            ROW | {"rate": None},
            ROW | {"min": "1501"},
            ROW | {"min": -1},
            ROW | {"min": "ten"},
            ROW | {"max": 2**63},
            ROW | {"max": "1.5"},
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
