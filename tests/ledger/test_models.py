from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Model

from relaypanel.ledger import chart
from relaypanel.ledger.models import Account, Transfer
from tests import cast


@pytest.mark.django_db
class TestAccount:
    def test_is_called_by_its_number(self) -> None:
        assert str(Account.objects.get(pk=chart.CASH)) == "account -2"

    def test_never_goes_below_zero_whoever_writes_it(self) -> None:
        alice = cast.alice(balance="1").user

        with pytest.raises(IntegrityError, match="no_overdraft"), transaction.atomic():
            Account.objects.filter(pk=alice.pk).update(balance_e8=F("balance_e8") - 100_000_001)


@pytest.mark.django_db
class TestTransfer:
    @pytest.fixture
    def transfer(self) -> Transfer:
        cast.alice(balance="1")
        return Transfer.objects.get()

    def test_is_called_by_its_key(self, transfer: Transfer) -> None:
        assert str(transfer) == transfer.key

    def test_is_not_changed(self, transfer: Transfer) -> None:
        with pytest.raises(IntegrityError, match="stays as written"), transaction.atomic():
            Transfer.objects.update(amount_e8=2)

        assert unchanged(transfer)

    def test_is_not_changed_by_saving_it(self, transfer: Transfer) -> None:
        with pytest.raises(IntegrityError, match="stays as written"), transaction.atomic():
            transfer.save(update_fields=["amount_e8"])

    def test_is_not_removed(self, transfer: Transfer) -> None:
        with pytest.raises(IntegrityError, match="stays as written"), transaction.atomic():
            transfer.delete()

        assert unchanged(transfer)

    @pytest.mark.parametrize(
        "sql",
        ["UPDATE ledger_transfer SET reason = 'another'", "DELETE FROM ledger_transfer"],
    )
    def test_is_safe_from_plain_sql(self, transfer: Transfer, sql: str) -> None:
        with (
            pytest.raises(IntegrityError, match="stays as written"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)

        assert unchanged(transfer)

    @pytest.mark.postgresql
    @pytest.mark.parametrize("table", ["ledger_transfer", "ledger_account CASCADE"])
    def test_is_safe_from_emptying_the_table(self, transfer: Transfer, table: str) -> None:
        # TRUNCATE refuses to run over checks that the transaction still has to make.
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with (
            pytest.raises(IntegrityError, match="stays as written"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"TRUNCATE {table}")

        assert unchanged(transfer)


def unchanged(row: Model) -> bool:
    columns = [field.attname for field in row._meta.concrete_fields]
    stored = type(row)._default_manager.values(*columns).get(pk=row.pk)
    return bool(stored == {column: getattr(row, column) for column in columns})
