"""Panel B sells what panel A sells, and A sells what the simulated panel sells."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests import shop
from tests.processes import Panel
from tests.shop import Reseller

LINK = "https://example.com/chain/1"
FINAL = {"Completed", "Partial", "Canceled"}
DEPOSIT = Decimal(1000)

UPSTREAM_OF = """
import json
from relaypanel.orders.models import Order
print(json.dumps({o.pk: [o.upstream_id, o.cost_e8] for o in Order.objects.all()}))
"""


@pytest.mark.sockets
@pytest.mark.postgresql
def test_an_order_completes_at_all_three_and_the_money_agrees(
    panel_database: Callable[..., str],
) -> None:
    with (
        Panel(database_url=panel_database("sqlite")) as a,
        Panel(database_url=panel_database("postgresql")) as b,
    ):
        simulator = a.simulator("--speed", "4")
        shop.open_shop(a, upstream_url=simulator.url, upstream_key="any-key")
        key_of_b = shop.enrol(a, "panel_b", deposit=str(DEPOSIT))
        at_a = Reseller(a.start("serve").url, key_of_b)
        shop.open_shop(b, upstream_url=at_a.url.removesuffix("/api/v2"), upstream_key=key_of_b)
        key_of_alice = shop.enrol(b, "alice", deposit=str(DEPOSIT))
        at_b = Reseller(b.start("serve").url, key_of_alice)

        orders = _buy(at_b)
        shop.until(lambda: _all_ended(at_b, orders), what="orders end at B")

        words = [_status(at_b, order)["status"] for order in orders]
        assert words == ["Completed", "Partial", "Canceled", "Completed"]
        ids_at_a = _agree(b, at_b, at_a)
        _agree(a, at_a, Reseller(simulator.url, "any-key"))
        assert len(ids_at_a) == len(orders)
        for panel in (a, b):
            assert "The books agree." in panel.run("audit")


def _buy(client: Reseller) -> list[int]:
    completed = client.service("TikTok Tim")["service"]
    partial = client.service("Partial")["service"]
    canceled = client.service("Canceled")["service"]
    comments = client.service("Trả lời bình luận")["service"]
    return [
        client.add(service=completed, link=LINK, quantity=777),
        client.add(service=partial, link=LINK, quantity=1000),
        client.add(service=canceled, link=LINK, quantity=500),
        client.add(service=comments, link=LINK, username="miu", comments="đẹp\nquá 👍"),
    ]


def _status(client: Reseller, order: int) -> dict[str, Any]:
    reply: dict[str, Any] = client.ask("status", order=order)
    return reply


def _all_ended(client: Reseller, orders: list[int]) -> bool:
    told = client.ask("status", orders=",".join(map(str, orders)))
    return all(row["status"] in FINAL for row in told.values())


def _agree(panel: Panel, here: Reseller, upstream: Reseller) -> list[str]:
    """Compare each order of `panel` with what it is upstream, and return the IDs there."""
    known = json.loads(panel.run("shell", "--no-imports", "-c", UPSTREAM_OF))
    spent = Decimal(0)
    for order, (upstream_id, cost_e8) in known.items():
        ours, theirs = _status(here, int(order)), _status(upstream, int(upstream_id))
        spent += Decimal(ours["charge"])
        assert (ours["status"], ours["remains"]) == (theirs["status"], theirs["remains"])
        assert Decimal(cost_e8).scaleb(-8) == Decimal(theirs["charge"])
    assert Decimal(here.ask("balance")["balance"]) == DEPOSIT - spent
    return [upstream_id for upstream_id, _ in known.values()]
