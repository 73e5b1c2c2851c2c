"""Proves the ledger, and orders and payments against it: `relaypanel audit`."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from relaypanel.ledger.audit import Difference
from relaypanel.reports.proof import PROVERS, Prover


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
