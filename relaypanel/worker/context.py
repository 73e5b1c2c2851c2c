"""What the worker lends to a job."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

from relaypanel.notices.courier import Courier
from relaypanel.providers.client import Client
from relaypanel.providers.models import Provider

P = ParamSpec("P")
T = TypeVar("T")


class Context(Protocol):
    # No new work is begun any more; what is under way is finished.
    stopping: bool

    def client(self, provider: Provider) -> Client: ...

    def courier(self) -> Courier: ...

    async def db(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a domain call in a thread that may talk to the database."""
