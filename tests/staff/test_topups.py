from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.shortcuts import redirect
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from relaypanel.accounts.models import AuditEntry, Section, User
from relaypanel.accounts.rights import Level
from relaypanel.ledger import book, chart
from relaypanel.ledger.models import Code
from relaypanel.payments import finder, topup
from relaypanel.payments.models import State, TopUp
from relaypanel.staff import topups
from tests import cast
from tests.cast import NOW
from tests.payments import till
from tests.staff import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return people.reauthenticated(people.owner())


def sent(user: User, amount: str = "50") -> TopUp:
    """Return a top-up of which its customer says that the money was sent."""
    wanted = till.requested(user, amount)
    return topup.say_paid(user_id=user.pk, topup_id=wanted.pk, now=NOW)


def said(client: Client, path: str, **fields: str) -> str:
    reply = client.post(path, fields, follow=True)
    assert reply.status_code == 200
    return " ".join(str(message) for message in reply.context["messages"])


def shown(client: Client, query: str = "") -> list[TopUp]:
    rows = client.get(f"/staff/topups{query}").context["rows"]
    assert isinstance(rows, list)
    return rows


# Who it is and what they may, the counts of the navigation, and one for the page.
_QUERIES = 7


class TestQueue:
    def test_begins_with_what_is_to_be_checked_oldest_first(self, client: Client) -> None:
        alice, bob = cast.alice().user, cast.bob().user
        first, second, waiting = sent(alice), sent(bob), till.requested(alice)

        assert shown(client) == [first, second]
        assert shown(client, "?state=requested") == [waiting]
        assert shown(client, "?state=all") == [waiting, second, first]
        assert shown(client, "?state=rejected") == []

    def test_has_only_the_states_that_there_are(self, client: Client) -> None:
        assert client.get("/staff/topups?state=odd").status_code == 404

    def test_is_searched_by_reference_and_by_customer(self, client: Client) -> None:
        mine, other = till.requested(cast.alice().user), sent(cast.bob().user)

        assert shown(client, f"?q={mine.reference.lower()}") == [mine]
        assert shown(client, "?q=BOB") == [other]
        assert shown(client, f"?q={other.user_id}") == [other]
        assert "No top-up found" in client.get("/staff/topups?q=zz").content.decode()

    @pytest.mark.parametrize("state", ["paid", "all"])
    def test_goes_on_past_the_last_one(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, state: str
    ) -> None:
        monkeypatch.setattr(finder, "PAGE", 2)
        alice = cast.alice().user
        rows = [sent(alice) for _ in range(3)]
        rows = rows if state == "paid" else rows[::-1]

        first = client.get(f"/staff/topups?state={state}")
        second = client.get(f"/staff/topups{first.context['next_page']}")

        assert first.context["rows"] == rows[:2]
        assert second.context["rows"] == rows[2:]
        assert second.context["next_page"] == ""

    def test_is_counted_beside_its_way(self, client: Client) -> None:
        alice = cast.alice().user
        sent(alice)
        till.requested(alice)

        desk = client.get("/staff/topups").context["desk"]

        links = [link for group in desk.groups for link in group.links]
        assert [one.count for one in links if one.href == "/staff/topups"] == [1]

    @pytest.mark.parametrize("query", ["?state=all", "?state=paid", "?q=alice%00"])
    def test_asks_the_database_as_often_for_many_as_for_one(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries, query: str
    ) -> None:
        alice = cast.alice().user
        sent(alice)
        shown(client, query)
        queries = _QUERIES + 2 * ("q=" in query)
        with django_assert_num_queries(queries):
            assert len(shown(client, query)) == 1
        for _ in range(3):
            sent(alice)

        with django_assert_num_queries(queries):
            assert len(shown(client, query)) == 4


class TestConfirm:
    def test_adds_the_money_once_and_says_who_did_it(self, client: Client) -> None:
        alice = cast.alice().user
        till.method(bonus_bp=500)
        one = sent(alice)
        path = f"/staff/topups/{one.pk}/confirm"
        assert "The money is here" in client.get(f"/staff/topups/{one.pk}").content.decode()

        assert "is on the balance" in said(client, path)
        assert "somebody was quicker" in said(client, path)

        assert till.balance(alice) == "52.5"
        entry = AuditEntry.objects.get(act="topup.confirm")
        assert entry.user == User.objects.get(username="dora")
        assert entry.address == "127.0.0.1"
        page = client.get(f"/staff/topups/{one.pk}").content.decode()
        assert "The money is here" not in page
        assert "topup.confirm" in page

    def test_is_asked_who_it_is_first(self) -> None:
        one = sent(cast.alice().user)

        reply = people.owner().post(f"/staff/topups/{one.pk}/confirm")

        assert "/reauthenticate/" in reply["Location"]
        assert TopUp.objects.get().state == State.PAID

    def test_takes_money_that_came_late(self, client: Client) -> None:
        alice = cast.alice().user
        one = till.requested(alice)
        topup.expire_due(now=NOW + topup.EXPIRES_AFTER)
        page = client.get(f"/staff/topups/{one.pk}").content.decode()
        assert "it can still be added" in page
        assert "Do not accept it" not in page

        said(client, f"/staff/topups/{one.pk}/confirm")

        assert till.balance(alice) == "50"

    def test_says_so_when_the_account_has_no_room(self, client: Client) -> None:
        one = sent(cast.alice(balance="89999999999").user)

        assert "larger than an account" in said(client, f"/staff/topups/{one.pk}/confirm")
        assert TopUp.objects.get().state == State.PAID

    def test_finds_none_that_is_absent(self, client: Client) -> None:
        for verb in ("confirm", "reject"):
            path = f"/staff/topups/987654321/{verb}"
            assert client.post(path, {"reason": "It is not there."}).status_code == 404
        assert client.get("/staff/topups/987654321").status_code == 404


class TestReject:
    def test_tells_the_customer_why(self, client: Client) -> None:
        alice = cast.alice().user
        one = sent(alice)

        words = said(client, f"/staff/topups/{one.pk}/reject", reason="No <transfer> came.")

        assert "the customer is told why" in words
        assert till.balance(alice) == "0"
        assert AuditEntry.objects.get(act="topup.reject").after["reason"] == "No <transfer> came."
        customer = people.signed_in(alice, second_factor=False)
        for path in ("/funds", f"/funds/{one.pk}"):
            assert "No &lt;transfer&gt; came." in customer.get(path).content.decode(), path

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
    def test_needs_a_reason_and_keeps_what_was_typed(self, client: Client, reason: str) -> None:
        one = sent(cast.alice().user)

        page = client.post(f"/staff/topups/{one.pk}/reject", {"reason": reason}).content.decode()

        assert "Say why" in page
        assert f'value="{reason}"' in page
        assert TopUp.objects.get().state == State.PAID


class TestRights:
    def test_to_look_show_no_way_to_decide(self) -> None:
        one = sent(cast.alice().user)
        client = people.staff(levels={Section.MONEY: Level.VIEW})

        page = client.get(f"/staff/topups/{one.pk}").content.decode()

        assert one.reference in page
        assert "/confirm" not in page
        assert "/reject" not in page
        assert "/staff/users/" not in page


def _guarded(client: Client, one: TopUp) -> HttpResponse:
    return client.post(f"/staff/topups/{one.pk}/confirm")  # type: ignore[return-value]


def _twin(client: Client, one: TopUp) -> HttpResponse:
    """Confirm as many panels do: the state is read, the money moves, the state is written."""
    if TopUp.objects.get(pk=one.pk).state != State.CONFIRMED:
        _READ.wait()
        posting = book.Posting(
            key=f"topup:{one.pk}:{id(client)}",
            debit=chart.CASH,
            credit=chart.customer(one.user_id),
            amount_e8=one.amount_e8,
            code=Code.DEPOSIT,
        )
        book.post(posting, now=NOW)
        TopUp.objects.filter(pk=one.pk).update(state=State.CONFIRMED, ended_at=NOW, by_gateway=True)
    return redirect("staff:topup", one.pk)


_CLICKS = 2
_READ = Barrier(_CLICKS)


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    """A double click, and two people at once: both have the page open, and both press."""

    @pytest.mark.parametrize(("confirm", "balance"), [(_guarded, "50"), (_twin, "100")])
    def test_add_the_money_once(
        self, confirm: Callable[[Client, TopUp], Any], balance: str
    ) -> None:
        alice = cast.alice().user
        one = sent(alice)
        clients = [people.reauthenticated(people.owner(name)) for name in ("dora", "edda")]
        barrier = Barrier(_CLICKS)

        def click(client: Client) -> int:
            barrier.wait()
            try:
                return int(confirm(client, one).status_code)
            finally:
                connection.close()

        with ThreadPoolExecutor(_CLICKS) as pool:
            assert list(pool.map(click, clients)) == [302, 302]

        assert till.balance(alice) == balance
        is_ours = confirm is _guarded
        assert till.books_agree() == is_ours
        assert AuditEntry.objects.filter(act="topup.confirm").count() == is_ours

    def test_of_which_one_rejects_is_decided_once(self) -> None:
        alice = cast.alice().user
        one = sent(alice)
        clients = [people.reauthenticated(people.owner(name)) for name in ("dora", "edda")]
        barrier = Barrier(_CLICKS)

        def click(number: int) -> int:
            barrier.wait()
            path = f"/staff/topups/{one.pk}/{('confirm', 'reject')[number]}"
            try:
                return clients[number].post(path, {"reason": "Nothing came."}).status_code
            finally:
                connection.close()

        with ThreadPoolExecutor(_CLICKS) as pool:
            assert list(pool.map(click, range(_CLICKS))) == [302, 302]

        acts = AuditEntry.objects.filter(act__startswith="topup.")
        assert acts.count() == 1
        assert till.balance(alice) == ("50" if acts.get().act == "topup.confirm" else "0")
        assert till.books_agree()


def test_reasons_fit() -> None:
    assert all(len(str(words)) <= topup.REASON_CHARACTERS_MAX for words in topups.REASONS)
