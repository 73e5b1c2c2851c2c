"""Proves the ledger, and orders and payments against it: `relaypanel audit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from django.core.management.base import BaseCommand, CommandError

from relaypanel.ledger import audit as ledger_audit
from relaypanel.ledger.audit import Difference
from relaypanel.orders import audit as orders_audit
from relaypanel.payments import audit as payments_audit


class Prover(Protocol):
    """A module that proves its part of the books."""

    def counts(self) -> Mapping[str, int]: ...

    def prove(self) -> list[Difference]: ...


PROVERS: Final[tuple[Prover, ...]] = (ledger_audit, orders_audit, payments_audit)


class Command(BaseCommand):
    help = "Prove that balances and transfers agree.  Exits with 1 on any difference."

    def handle(self, **_options: object) -> None:
        differences = [difference for prover in PROVERS for difference in self._prove(prover)]
        if differences:
            raise CommandError(f"The books differ in {len(differences)} places.")
        self.stdout.write("The books agree.")

    def _prove(self, prover: Prover) -> list[Difference]:
        counts = prover.counts()
        self.stdout.write("proving " + ", ".join(f"{n} {what}" for what, n in counts.items()))
        differences = prover.prove()
        for difference in differences:
            self.stdout.write(f"different: {difference}")
        return differences
