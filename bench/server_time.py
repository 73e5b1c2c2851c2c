"""Asks for every page of a filled panel, in this process: of the shop as its first user, of the
desk as an owner.

It ends with 1 when a page takes longer than it may.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relaypanel.settings")
django.setup()

# Models exist once the line above has set Django up.
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes  # noqa: E402
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from relaypanel import clock, money  # noqa: E402
from relaypanel.accounts.models import User  # noqa: E402
from relaypanel.look import static_files  # noqa: E402
from relaypanel.notices import webhooks  # noqa: E402
from relaypanel.notices.kinds import EVENTS  # noqa: E402
from relaypanel.payments import topup  # noqa: E402
from relaypanel.payments.models import PaymentMethod  # noqa: E402
from relaypanel.reports import books, days, proof  # noqa: E402
from relaypanel.tickets import desk  # noqa: E402
from tests.browser.pages import PAGES, Listed  # noqa: E402
from tests.dashboard.browser import signed_in, with_password  # noqa: E402
from tests.staff import people  # noqa: E402

# By the door: how long a page may take.
WANTED_MS: Final = {"shop": 50.0, "desk": 80.0}
ROUNDS: Final = 7
# Beside the list: the longest that the dashboard looks back.
MORE: Final = (Listed(name="dashboard-90-days", path="/dashboard?days=90"),)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    name: str
    median_ms: float
    worst_ms: float
    queries: int

    def __str__(self) -> str:
        return (
            f"{self.name:28} {self.median_ms:6.1f} ms, at most {self.worst_ms:.1f},"
            f" {self.queries} queries"
        )


def main(door: str) -> None:
    static_files.gather()
    figures = _of_desk() if door == "desk" else _of_shop()
    by_time = sorted(figures, key=lambda figure: figure.median_ms, reverse=True)
    print(*by_time, sep="\n", flush=True)
    sys.exit(int(by_time[0].median_ms >= WANTED_MS[door]))


def _of_shop() -> Iterator[Figure]:
    reader = with_password(User.objects.earliest("pk"))
    customer, visitor = signed_in(reader), Client()
    _live(reader)
    for page in (*PAGES, *MORE):
        # What is an answer to a form costs what the form's page does.
        if page.then is None and page.who != "owner":
            yield _figure(visitor if page.is_public else customer, page)


def _of_desk() -> Iterator[Figure]:
    _live(User.objects.earliest("pk"))
    _add_up()
    owner = people.owner("bench_owner")
    for page in PAGES:
        if page.then is None and page.who == "owner":
            yield _figure(owner, page)


def _add_up() -> None:
    """Do what the worker does for the pages of the desk."""
    now = clock.now()
    while days.look(now=now):
        pass
    while books.look(now=now):
        pass
    proof.prove(now=now)


def _figure(client: Client, page: Listed) -> Figure:
    # The first round fills what a process keeps.
    times = [_ask(client, page.path) for _ in range(ROUNDS + 1)][1:]
    with CaptureQueriesContext(connection) as captured:
        _ask(client, page.path)
    return Figure(
        name=page.name,
        median_ms=statistics.median(times),
        worst_ms=max(times),
        queries=len(captured),
    )


def _ask(client: Client, path: str) -> float:
    began = time.perf_counter()
    response = client.get(path, headers={"Accept-Encoding": "gzip"})
    taken_ms = (time.perf_counter() - began) * 1000
    assert response.status_code in (200, 302, 404), f"{path}: {response.status_code}"
    return taken_ms


def _live(reader: User) -> None:
    """Let the reader have tickets, top-ups, a webhook and a second factor: no page is empty."""
    now = clock.now()
    method = PaymentMethod.objects.create(
        name="Bank", min_e8=money.ONE_E8, max_e8=10**4 * money.ONE_E8
    )
    for _ in range(2):
        topup.request(user_id=reader.pk, method_id=method.pk, amount_e8=money.ONE_E8, now=now)
    desk.open_ticket(user_id=reader.pk, subject="So", text="So it is.", order_ids=[1, 2], now=now)
    webhooks.add(user_id=reader.pk, url="https://example.com/hook", events=list(EVENTS), now=now)
    TOTP.activate(reader, generate_totp_secret())
    RecoveryCodes.activate(reader)


if __name__ == "__main__":
    main(*sys.argv[1:])
