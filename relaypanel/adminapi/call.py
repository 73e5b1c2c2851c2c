"""What a route gets: who calls, what was sent, and what the key lets be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import Actor
from relaypanel.accounts.models import AdminKey
from relaypanel.adminapi.fields import Fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """`subject` is the ID in the path; `query` what a list was asked with, for the way on."""

    key: AdminKey
    by: Actor
    fields: Fields
    subject: int
    path: str
    query: Mapping[str, str]
    idempotency_key: str
    shows_money: bool
    now: datetime

    @property
    def services(self) -> frozenset[int] | None:
        """The services whose orders are there for this key; None: all."""
        return frozenset(self.key.service_ids) or None

    def record(self, act: str, subject: tuple[str, object], after: Mapping[str, Any]) -> None:
        """Write an act into the audit log, with the key that it was done with."""
        told = {name: value for name, value in after.items() if value is not None}
        audit_log.record(
            by=self.by,
            act=f"admin_api.{act}",
            subject=subject,
            after=told | {"by": f"{self.key.name} …{self.key.last_four}"},
            now=self.now,
        )
