from __future__ import annotations

import getpass
import io
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from relaypanel import money
from relaypanel.providers import registry
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast
from tests.catalogue.lists import LIKES, rate, sell
from tests.management.upstream import Upstream

pytestmark = pytest.mark.django_db

KEY = "0123456789abcdef0123456789abcdef"
URL = "https://panel.example/api/v2"


class TestAdd:
    def test_makes_a_provider_known(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\nmore\n"))

        call_command(
            *("provider", "add", "First Panel", URL, "--key-stdin", "--currency", "EUR"),
            *("--concurrency", "3", "--poll-seconds", "5", "--deadline-ms", "2000"),
        )

        provider = Provider.objects.get()
        assert (provider.name, provider.url, provider.currency) == ("First Panel", URL, "EUR")
        assert (provider.concurrency, provider.poll_seconds) == (3, 5)
        assert provider.deadline_ms == 2_000
        assert provider.enabled
        assert registry.endpoint(provider).key == KEY
        assert capsys.readouterr().out == (
            "Added First Panel.  Next: relaypanel provider refresh 'First Panel'\n"
        )

    def test_has_sound_habits_by_default(
        self, monkeypatch: pytest.MonkeyPatch, settings: Settings
    ) -> None:
        settings.CURRENCY = "VND"
        monkeypatch.setattr(sys, "stdin", io.StringIO(KEY))

        call_command("provider", "add", "first", URL, "--key-stdin")

        provider = Provider.objects.get()
        assert (provider.currency, provider.concurrency) == ("VND", 16)
        assert (provider.poll_seconds, provider.deadline_ms) == (30, 30_000)

    def test_asks_for_the_key_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", _Terminal())
        monkeypatch.setattr(getpass, "getpass", lambda _prompt: f" {KEY} ")

        call_command("provider", "add", "first", URL)

        assert registry.endpoint(Provider.objects.get()).key == KEY

    @pytest.mark.parametrize("leaving", [EOFError, KeyboardInterrupt])
    def test_adds_nothing_when_the_prompt_is_left(
        self, monkeypatch: pytest.MonkeyPatch, leaving: type[BaseException]
    ) -> None:
        def leave(_prompt: str) -> str:
            raise leaving

        monkeypatch.setattr(sys, "stdin", _Terminal())
        monkeypatch.setattr(getpass, "getpass", leave)

        with pytest.raises(CommandError, match="No key was given"):
            call_command("provider", "add", "first", URL)

        assert not Provider.objects.exists()

    def test_asks_nobody_where_there_is_no_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(KEY))

        with pytest.raises(CommandError, match="--key-stdin"):
            call_command("provider", "add", "first", URL)

    @pytest.mark.parametrize(
        ("arguments", "key"),
        [
            (("upstream", URL), KEY),
            (("", URL), KEY),
            (("n" * 61, URL), KEY),
            (("first", "panel.example/api/v2"), KEY),
            (("first", "ftp://panel.example/api/v2"), KEY),
            (("first", "https://panel.example/" + "a" * 300), KEY),
            (("first", URL), ""),
            (("first", URL, "--currency", "dollars"), KEY),
            (("first", URL, "--currency", "usd"), KEY),
            (("first", URL, "--concurrency", "0"), KEY),
            (("first", URL, "--concurrency", "99999999"), KEY),
            (("first", URL, "--poll-seconds", "-1"), KEY),
            (("first", URL, "--deadline-ms", "49"), KEY),
            (("first", URL, "--deadline-ms", "120001"), KEY),
            (("first", URL, "--deadline-ms", "soon"), KEY),
            (("first",), KEY),
        ],
    )
    def test_says_in_one_line_what_is_wrong(
        self, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], key: str
    ) -> None:
        cast.provider()
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{key}\n"))

        with pytest.raises(CommandError) as error:
            call_command("provider", "add", *arguments, "--key-stdin")

        assert "\n" not in str(error.value)
        assert KEY not in str(error.value)
        assert Provider.objects.count() == 1


class TestList:
    def test_prints_every_panel_and_how_it_does(self, capsys: pytest.CaptureFixture[str]) -> None:
        cast.provider(name="b", enabled=False, balance_e8=money.parse("12.5"))
        running = cast.provider(name="a", currency="VND")
        cast.provider(name="c", paused_for="no_funds")
        cast.route(cast.service(), running)

        call_command("provider", "list")

        assert capsys.readouterr().out == (
            "a  running  https://upstream.example/api/v2  1 services  balance unknown VND\n"
            "b  paused  https://upstream.example/api/v2  0 services  balance 12.5 USD\n"
            "c  no_funds  https://upstream.example/api/v2  0 services  balance unknown USD\n"
        )


class TestPause:
    def test_keeps_orders_away(self, capsys: pytest.CaptureFixture[str]) -> None:
        provider, other = cast.provider(), cast.provider(name="other")

        call_command("provider", "pause", "upstream")

        provider.refresh_from_db()
        other.refresh_from_db()
        assert not provider.enabled
        assert other.enabled
        assert capsys.readouterr().out == "upstream is paused: no order goes there.\n"


class TestResume:
    def test_lets_orders_go_there_whatever_stopped_them(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        provider = cast.provider(
            enabled=False,
            paused_for="no_funds",
            paused_until=cast.NOW + timedelta(hours=1),
            unclear_in_a_row=9,
        )

        call_command("provider", "resume", "upstream")

        provider.refresh_from_db()
        assert provider.enabled
        assert (provider.paused_for, provider.paused_until) == ("", None)
        assert provider.unclear_in_a_row == 0
        assert capsys.readouterr().out == "Orders go to upstream again.\n"


@pytest.mark.parametrize("verb", ["refresh", "pause", "resume"])
def test_a_name_nobody_has_is_refused(verb: str) -> None:
    with pytest.raises(CommandError, match="no provider called nobody"):
        call_command("provider", verb, "nobody")


@pytest.mark.sockets
class TestRefresh:
    def test_fetches_the_price_list_and_the_balance(
        self, upstream: Upstream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        provider = registry.add(name="upstream", url=upstream.url, key=KEY)

        call_command("provider", "refresh", "upstream")

        provider.refresh_from_db()
        (service,) = UpstreamService.objects.filter(provider=provider)
        assert (service.upstream_id, service.name) == ("7", "Likes 👍")
        assert provider.balance_e8 == money.parse("100.84292")
        assert provider.balance_at is not None
        assert upstream.keys == {KEY}
        assert KEY not in capsys.readouterr().out

    def test_tells_new_services_from_known_ones(
        self, upstream: Upstream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        registry.add(name="upstream", url=upstream.url, key=KEY)

        call_command("provider", "refresh", "upstream")
        call_command("provider", "refresh", "upstream")

        assert capsys.readouterr().out == (
            "upstream lists 1 services, 1 of them new; our balance there is 100.84292 USD.\n"
            "upstream lists 1 services, 0 of them new; our balance there is 100.84292 USD.\n"
        )

    def test_lets_the_shop_follow(self, upstream: Upstream) -> None:
        provider = registry.add(name="upstream", url=upstream.url, key=KEY)
        sold = replace(LIKES, upstream_id="7", rate_e8=money.parse("0.8"))
        (service,) = sell(provider, sold)

        call_command("provider", "refresh", "upstream")

        assert rate(service) == "1.08"

    @pytest.mark.parametrize("body", [b"<html>", b"", b'{"error":"Invalid API key"}'])
    def test_says_in_one_line_why_it_could_not(self, upstream: Upstream, body: bytes) -> None:
        provider = registry.add(name="upstream", url=upstream.url, key=KEY)
        upstream.replies = dict.fromkeys(upstream.replies, body)

        with pytest.raises(CommandError) as error:
            call_command("provider", "refresh", "upstream")

        provider.refresh_from_db()
        assert "\n" not in str(error.value)
        assert KEY not in str(error.value)
        assert provider.balance_e8 is None

    def test_says_when_the_list_is_empty(self, upstream: Upstream) -> None:
        registry.add(name="upstream", url=upstream.url, key=KEY)
        upstream.replies["services"] = b"[]"

        with pytest.raises(CommandError, match="The price list is empty"):
            call_command("provider", "refresh", "upstream")

    def test_names_field_keys_when_the_key_cannot_be_opened(self) -> None:
        cast.provider(key_encrypted="sealed under another key")

        with pytest.raises(CommandError, match="FIELD_KEYS"):
            call_command("provider", "refresh", "upstream")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestDeclare:
    def test_keeps_what_its_owner_says(self, capsys: pytest.CaptureFixture[str]) -> None:
        provider = cast.provider(speaks_client_ref=True)

        call_command(
            *("provider", "declare", "upstream"),
            *("--ids-grow", "yes", "--exclusive-key", "yes", "--client-ref", "no"),
        )

        provider.refresh_from_db()
        assert (provider.brackets_ids, provider.key_is_exclusive) == (True, True)
        assert not provider.speaks_client_ref
        assert capsys.readouterr().out == (
            "upstream: ids-grow yes, exclusive-key yes, client-ref no.\n"
        )

    def test_leaves_what_is_not_named(self) -> None:
        provider = cast.provider(brackets_ids=True)

        call_command("provider", "declare", "upstream", "--exclusive-key", "yes")

        provider.refresh_from_db()
        assert (provider.brackets_ids, provider.key_is_exclusive) == (True, True)

    @pytest.mark.parametrize(
        "arguments",
        [("upstream",), ("nobody", "--ids-grow", "yes"), ("upstream", "--ids-grow", "7")],
    )
    def test_says_what_is_wrong(self, arguments: tuple[str, ...]) -> None:
        cast.provider()

        with pytest.raises(CommandError):
            call_command("provider", "declare", *arguments)
