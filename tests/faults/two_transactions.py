"""Settings of a broken twin: its web process takes the money in a transaction of its own.

DJANGO_SETTINGS_MODULE=tests.faults.two_transactions relaypanel web
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from types import SimpleNamespace

from django.apps import AppConfig

from relaypanel.settings import *  # noqa: F403
from relaypanel.settings import INSTALLED_APPS as APPS


class Twin(AppConfig):
    name = "tests.faults"

    def ready(self) -> None:
        from django.db import transaction

        from relaypanel import prepared
        from relaypanel.ledger import book
        from relaypanel.orders import insert

        def post_later(
            postings: Sequence[book.Posting],
            *,
            held_e8: object,
            now: datetime,
            beside: Sequence[prepared.Ask],
        ) -> None:
            prepared.together(*beside)
            transaction.on_commit(partial(_post, postings, now))

        def _post(postings: Sequence[book.Posting], now: datetime) -> None:
            # As long as a busy database may take between the two.
            time.sleep(0.01)
            book.post_many(postings, now=now)

        deferred = SimpleNamespace(post_new=post_later, Posting=book.Posting)
        insert.__dict__["book"] = deferred


INSTALLED_APPS = [*APPS, "tests.faults.two_transactions.Twin"]
