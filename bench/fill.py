"""Fills a panel's database as years of trade would: `python -m bench fill --orders 5000000`.

It fills the database of DATABASE_URL, which is migrated and may hold a shop already; nothing of
that is changed.  The ledger agrees with the orders: `relaypanel audit` proves it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import django
import msgspec

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relaypanel.settings")
django.setup()

# Models exist once the line above has set Django up.
from django.conf import settings  # noqa: E402
from django.db import models, transaction  # noqa: E402

from bench import rows  # noqa: E402
from bench.rows import Ground, Size  # noqa: E402
from relaypanel import clock  # noqa: E402
from relaypanel.accounts import keys  # noqa: E402
from relaypanel.accounts.models import User  # noqa: E402
from relaypanel.catalogue import intake  # noqa: E402
from relaypanel.catalogue.models import Service  # noqa: E402
from relaypanel.orders.models import Order  # noqa: E402
from relaypanel.providers import dialect, pricelist, refresh, registry  # noqa: E402


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """A user who calls the API, with some of their orders.  `api_key` stands in clear."""

    username: str
    api_key: str
    order_ids: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    callers: Sequence[Caller]
    service_ids: range

    def save(self, path: Path) -> None:
        """Write what load.lua reads: the services, then a line for each caller."""
        services = f"{self.service_ids.start} {len(self.service_ids)}\n"
        lines = (
            " ".join([caller.api_key, *map(str, caller.order_ids)]) + "\n"
            for caller in self.callers
        )
        path.write_text(services + "".join(lines))


def main(arguments: Sequence[str]) -> None:
    size, save = _read(arguments)
    began = time.monotonic()
    filled = fill(size)
    if save:
        filled.save(save)
    first = filled.callers[0]
    print(
        f"{size.orders} orders, {size.events} events, {size.users} users and {size.services}"
        f" services in {time.monotonic() - began:.0f} s;"
        f" the key of {first.username} is {first.api_key}"
    )


def fill(size: Size) -> Filled:
    """Return who can call, and what is sold.  What it writes is committed in several parts."""
    assert size.own <= size.orders
    ground = _open_shop(size)
    rows.write(size, ground)
    callers = User.objects.filter(pk__gt=ground.users).order_by("pk")[: size.callers]
    with transaction.atomic():
        return Filled(
            callers=[
                Caller(
                    username=user.username,
                    api_key=keys.issue(user, now=clock.now()),
                    order_ids=[ground.orders + n for n in size.known_orders(number)],
                )
                for number, user in enumerate(callers)
            ],
            service_ids=range(ground.services + 1, ground.services + size.services + 1),
        )


def _read(arguments: Sequence[str]) -> tuple[Size, Path | None]:
    parser = argparse.ArgumentParser(prog="python -m bench fill", description=__doc__)
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--callers", type=int, default=1, help="users who get an API key")
    parser.add_argument(
        "--orders-of-one-user", type=int, default=0, help="of the orders, those of the first user"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="keys and IDs, for load.lua")
    told = parser.parse_args(arguments)
    size = Size(
        orders=told.orders,
        users=told.users,
        services=told.services,
        callers=min(told.callers, told.users),
        own=told.orders_of_one_user,
    )
    return size, told.save


def _open_shop(size: Size) -> Ground:
    """Put services up for sale as an import does, and return where all other rows begin."""
    now = clock.now()
    users, orders = _last(User), _last(Order)
    provider = registry.add(
        name=f"bench {_last(Service)}",
        url="http://127.0.0.1:9/api/v2",
        key="any-key",
        currency=settings.CURRENCY,
    )
    told = msgspec.json.encode([_offer(number) for number in range(1, size.services + 1)])
    listings, _ = pricelist.read(dialect.decode(told))
    refresh.record(provider_id=provider.pk, listings=listings, now=now)
    services = intake.add_services(provider, markup_percent=Decimal(20), upstream_ids=None, now=now)
    routes = sorted(provider.services.values_list("routes__service_id", "pk"))
    first_service, first_upstream = routes[0]
    # So that a number leads to both.
    assert routes == [(first_service + n, first_upstream + n) for n in range(len(services))]
    return Ground(
        users=users,
        orders=orders,
        services=first_service - 1,
        upstream_services=first_upstream - 1,
        provider=provider.pk,
        now=int(now.timestamp()),
    )


def _offer(number: int) -> dict[str, object]:
    platform = ("Instagram", "TikTok", "Facebook", "YouTube", "Telegram")[number % 5]
    return {
        "service": number,
        "name": f"{platform} Tăng tương tác 🔥 số {number} | tốc độ 5K/ngày, bảo hành 30 ngày",
        "type": "Default",
        "category": f"{platform} {number % 200:03}",
        "platform": platform,
        "rate": f"{1 + number % 97}.{number % 10}",
        "min": "10",
        "max": "1000000",
        "refill": number % 2 == 0,
        "cancel": number % 3 == 0,
        "dripfeed": number % 4 == 0,
    }


def _last(model: type[models.Model]) -> int:
    last = model._default_manager.aggregate(last=models.Max("pk"))["last"]
    return int(last or 0)


if __name__ == "__main__":
    main(sys.argv[1:])
