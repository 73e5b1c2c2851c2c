"""The story of the panel, told by real processes: `serve --demo` and a reseller's client."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from relaypanel.contract import TYPES, OrderType
from tests import shop
from tests.processes import Panel
from tests.shop import LINK, SAMPLES, Reseller

BALANCE = "87654321098.76543"

PIECES = {"Custom Comments": 3, "Mentions Custom List": 3, "Comment Replies": 2}


@pytest.mark.sockets
def test_a_demo_shop_sells_every_type_and_ends_exactly(
    panel_database: Callable[..., str],
) -> None:
    with Panel(database_url=panel_database(), PRIVATE_PROVIDERS="") as panel:
        asked = ("--balance", BALANCE, "--other-balance", "0.51")
        people = json.loads(panel.run("demo", "--json", *asked))
        url = panel.start("serve", "--demo").url
        assert people["api_path"] == "/api/v2"
        customer = Reseller(url, people["customer"]["api_key"])
        other = Reseller(url, people["other"]["api_key"])
        assert customer.ask("balance") == {"balance": BALANCE, "currency": "USD"}
        assert other.ask("balance") == {"balance": "0.51", "currency": "USD"}

        services = {row["service"]: row for row in customer.ask("services")}
        assert {row["type"] for row in services.values()} == set(OrderType)
        orders = _buy_one_of_each(customer, services)
        _cancel_in_time(customer)
        _is_refused_beyond_the_balance(other, services)
        orders.append(_subscribe(customer))

        shop.until(lambda: _words(customer, orders) <= {"Completed"}, what="all end", seconds=30)
        _refill_what_can_be(customer)
        _ends_short(customer)
        assert "The books agree." in panel.run("audit")


def _buy_one_of_each(customer: Reseller, services: Mapping[int, Any]) -> list[int]:
    """Buy from each service that ends well, watching the balance to its last digit."""
    orders = []
    for service in services.values():
        if service["platform"].startswith(("Thử nghiệm", "Làm tay")):
            continue
        if service["type"] == OrderType.SUBSCRIPTIONS:
            continue
        before = _balance(customer)
        fields = {"link": LINK} | SAMPLES[service["type"]]
        orders.append(customer.add(service=service["service"], **fields))
        assert before - _balance(customer) == _price(service)
    return orders


def _price(service: Mapping[str, Any]) -> Decimal:
    rate = Decimal(service["rate"])
    if TYPES[OrderType(service["type"])].rate_per == 1:
        return rate
    return rate * PIECES.get(service["type"], 200) / 1000


def _cancel_in_time(customer: Reseller) -> None:
    service = customer.service("hủy được khi chưa chạy")
    before = _balance(customer)
    order = customer.add(service=service["service"], link=LINK, quantity=200)

    assert customer.ask("cancel", orders=order) == [{"order": order, "cancel": 1}]

    shop.until(lambda: _words(customer, [order]) == {"Canceled"}, what="the cancel comes through")
    told = customer.ask("status", order=order)
    assert (told["charge"], told["remains"]) == ("0", "200")
    assert _balance(customer) == before


def _subscribe(customer: Reseller) -> int:
    """Buy two posts, which are charged as they are served."""
    service = customer.service("tự động tim")
    before = _balance(customer)
    order = customer.add(service=service["service"], **SAMPLES[OrderType.SUBSCRIPTIONS])
    shop.until(lambda: _words(customer, [order]) == {"Completed"}, what="both are served")

    told = customer.ask("status", order=order)

    assert (told["posts"], len(told["orders"])) == ("2", 2)
    assert Decimal(told["charge"]) == 2 * Decimal(service["rate"])
    assert before - _balance(customer) == Decimal(told["charge"])
    return order


def _is_refused_beyond_the_balance(other: Reseller, services: Mapping[int, Any]) -> None:
    dear = next(row for row in services.values() if row["type"] == OrderType.SEO)
    fields = {"service": dear["service"], "link": LINK} | SAMPLES[OrderType.SEO]

    assert other.ask("add", **fields) == {"error": "Not enough funds on balance"}
    assert other.ask("balance")["balance"] == "0.51"


def _refill_what_can_be(customer: Reseller) -> None:
    quick = customer.service("YouTube Đăng ký kênh")
    order = customer.add(service=quick["service"], link=LINK, quantity=200)
    shop.until(lambda: _words(customer, [order]) == {"Completed"}, what="it ends", seconds=15)

    refill = customer.ask("refill", order=order)["refill"]

    running = {"error": "The refill task is not completed for this order"}
    assert customer.ask("refill", order=order) == running
    shop.until(
        lambda: customer.ask("refill_status", refill=refill) == {"status": "Completed"},
        what="the refill ends",
    )


def _ends_short(customer: Reseller) -> None:
    """Buy what is never delivered whole, and see its part come back exactly."""
    service = customer.service("Partial")
    before = _balance(customer)
    order = customer.add(service=service["service"], link=LINK, quantity=1000)
    shop.until(lambda: _words(customer, [order]) == {"Partial"}, what="it stops short")

    told = customer.ask("status", order=order)

    assert told["remains"] == "333"
    kept = Decimal(service["rate"]) * 667 / 1000
    assert Decimal(told["charge"]) == kept
    assert before - _balance(customer) == kept


def _balance(customer: Reseller) -> Decimal:
    return Decimal(customer.ask("balance")["balance"])


def _words(customer: Reseller, orders: list[int]) -> set[str]:
    told = customer.ask("status", orders=",".join(map(str, orders)))
    return {row["status"] for row in told.values()}
