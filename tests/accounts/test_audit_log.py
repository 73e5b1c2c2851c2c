from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from relaypanel.accounts import audit_log
from relaypanel.accounts.audit_log import CONSOLE, Actor, Wanted
from relaypanel.accounts.models import AuditEntry
from tests import cast

pytestmark = pytest.mark.django_db


def record(act: str = "order.refund", subject: object = 7, **told: object) -> AuditEntry:
    return audit_log.record(
        by=CONSOLE, act=act, subject=("order", subject), now=cast.NOW, before=told
    )


class TestRecord:
    def test_keeps_who_did_what_from_where(self) -> None:
        carol = cast.carol().user
        by = Actor(user_id=carol.pk, address="192.0.2.7")

        audit_log.record(
            by=by,
            act="order.partial",
            subject=("order", 7),
            before={"status": "queued"},
            after={"status": "partial", "remains": 40},
            now=cast.NOW,
        )

        entry = AuditEntry.objects.get()
        assert str(entry) == "order.partial order 7"
        assert (entry.user, entry.address, entry.at) == (carol, "192.0.2.7", cast.NOW)
        assert entry.before == {"status": "queued"}
        assert entry.after == {"status": "partial", "remains": 40}

    def test_masks_what_is_named_like_a_secret_however_deep(self) -> None:
        entry = record(
            url="https://x.example",
            api_key="abc",
            login={"password": "p", "tokens": ["a", "b"]},
            totp_seed=12,
            key_is_exclusive=True,
            old_key="",
        )

        assert entry.before == {
            "url": "https://x.example",
            "api_key": "•••",
            "login": {"password": "•••", "tokens": ["•••", "•••"]},
            "totp_seed": "•••",
            "key_is_exclusive": True,
            "old_key": "",
        }

    def test_keeps_what_postgresql_would_not(self) -> None:
        assert record(told=["a\0b"], reason="\0").before == {"told": ["ab"], "reason": ""}

    def test_goes_back_with_its_act(self) -> None:
        def act() -> None:
            with transaction.atomic():
                record()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            act()

        assert not AuditEntry.objects.exists()


class TestEntry:
    @pytest.mark.parametrize(
        "sql",
        ["UPDATE accounts_auditentry SET act = 'nothing'", "DELETE FROM accounts_auditentry"],
    )
    def test_stays_as_written(self, sql: str) -> None:
        record()

        with (
            pytest.raises(IntegrityError, match="stays as written"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)

        assert AuditEntry.objects.get().act == "order.refund"

    @pytest.mark.postgresql
    def test_is_safe_from_emptying_the_table(self) -> None:
        record()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

        with (
            pytest.raises(IntegrityError, match="stays as written"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("TRUNCATE accounts_auditentry")


class TestPage:
    def test_shows_the_newest_first_and_one_more_than_a_page(self) -> None:
        entries = [record(subject=n) for n in range(audit_log.PAGE + 5)]

        found = audit_log.page(Wanted())

        assert found == entries[::-1][: audit_log.PAGE + 1]
        assert audit_log.page(Wanted(), before_id=entries[2].pk) == [entries[1], entries[0]]

    def test_finds_by_person_act_and_thing(self) -> None:
        by = Actor(user_id=cast.carol().user.pk, address=None)
        hers = audit_log.record(by=by, act="user.suspend", subject=("user", 9), now=cast.NOW)
        other = record(subject=9)

        assert audit_log.page(Wanted(user_id=by.user_id)) == [hers]
        assert audit_log.page(Wanted(act="order.refund")) == [other]
        assert audit_log.page(Wanted(subject_kind="user", subject_id="9")) == [hers]
        assert audit_log.page(Wanted(until=cast.NOW)) == []
        assert audit_log.page(Wanted(since=cast.NOW)) == [other, hers]
