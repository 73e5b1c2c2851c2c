"""Where the fault tests take place: a shop, its database, a simulated panel, and forked workers.

    with Ground(database_url, LEASE_MS="150") as ground:
        provider = ground.provider("upstream")
        links = ground.order(provider, 500)
        ground.forks.worker("quick")

The test itself stands on the same database, to place orders and to look.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from relaypanel import clock
from relaypanel.catalogue.models import Service
from relaypanel.orders import audit, place
from relaypanel.orders.models import Order, Status
from relaypanel.orders.place import OrderRequest
from relaypanel.providers import registry
from relaypanel.providers.models import Provider
from tests import cast
from tests.faults.forks import Forks, Simulator
from tests.processes import Panel

UNSETTLED = (Status.QUEUED, Status.SENDING)


class Ground:
    def __init__(self, database_url: str, **settings: str) -> None:
        self._database_url, self._settings = database_url, settings
        self._services: dict[int, Service] = {}
        self._ordered = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.panel: Panel = stack.enter_context(
                Panel(
                    database_url=self._database_url,
                    # The test seals and opens the same keys.
                    SECRET_KEY=os.environ["SECRET_KEY"],
                    FIELD_KEYS=os.environ["FIELD_KEYS"],
                    LOG_LEVEL="CRITICAL",
                    **self._settings,
                )
            )
            self.panel.environment["STATE_DIR"] = f"{self.panel._folder.name}/state"
            self.forks: Forks = stack.enter_context(Forks(self.panel.environment))
            # Its orders stay as they are, so that nothing but the sending goes on.
            self.simulator: Simulator = self.forks.simulator(speed=0.0001)
            self._stack = stack.pop_all()
        self._alice = cast.alice(balance="1000000").user
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def provider(self, name: str, *, url: str = "", **fields: Any) -> Provider:
        """Add a provider, the simulated panel unless `url` says another, and sell its likes."""
        added = registry.add(name=name, url=url or f"{self.simulator.url}/api/v2", key="any-key")
        Provider.objects.filter(pk=added.pk).update(**fields)
        service = cast.service(rate="0.9")
        cast.route(service, added, upstream_id="201")
        self._services[added.pk] = service
        return added

    def order(self, provider: Provider, number: int, *, about: str = "post") -> list[str]:
        """Place orders to be sent there, each for a link of its own, and return the links."""
        first = self._ordered
        self._ordered += number
        links = [f"https://example.com/{about}/{at}" for at in range(first, first + number)]
        for start in range(0, number, 500):
            self._place(self._services[provider.pk], links[start : start + 500])
        return links

    def _place(self, service: Service, links: Sequence[str]) -> None:
        requests = [
            OrderRequest(
                user_id=self._alice.pk,
                service_id=service.pk,
                fields={"link": link, "quantity": "10"},
            )
            for link in links
        ]
        placed = place.place(requests=requests, now=clock.now())
        assert [it for it in placed if not isinstance(it, Order)][:1] == []

    def control(self, **order: object) -> None:
        body = json.dumps(order).encode()
        urllib.request.urlopen(f"{self.simulator.url}/control", body, timeout=10).close()

    def accepted(self) -> Counter[str]:
        """Return how often the simulated panel took an order for each link."""
        with urllib.request.urlopen(f"{self.simulator.url}/control", timeout=10) as reply:
            return Counter(json.load(reply)["accepted"])

    def doubled(self) -> int:
        """Return how many links the simulated panel took more than one order for."""
        return sum(count > 1 for count in self.accepted().values())

    def tally(self) -> Tally:
        """Hold what the panel upstream took against what we think of it."""
        accepted = self.accepted()
        standing = dict(Order.objects.values_list("link", "status"))
        unclear = {link for link, status in standing.items() if status == Status.UNCONFIRMED}
        taken = {link for link, status in standing.items() if status == Status.PENDING}
        assert audit.prove() == []
        return Tally(
            orders=len(standing),
            doubled=sum(count > 1 for count in accepted.values()),
            lost=sum(not accepted[link] and link not in unclear for link in standing),
            imagined=len(taken - accepted.keys()),
            unclear=len(unclear),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    orders: int
    # Sent more than once.
    doubled: int
    # Neither taken upstream nor kept for a person to look at.
    lost: int
    # Taken by what we think, and not by what the panel upstream says.
    imagined: int
    unclear: int


def waiting() -> int:
    return Order.objects.filter(status__in=UNSETTLED).count()
