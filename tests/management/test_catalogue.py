from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from relaypanel import clock, money
from relaypanel.catalogue.models import Markup, Quarantine, Service, Sync, Visibility
from relaypanel.contract import OrderType
from relaypanel.providers import registry
from relaypanel.providers.answers import Listing
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast
from tests.catalogue.lists import LIKES, listing, rate, sell
from tests.management.upstream import Upstream

pytestmark = pytest.mark.django_db

# The command reads the clock itself, and takes no price list that is older than a day.
_FETCHED_AT = clock.now()


class TestImport:
    def test_puts_the_whole_list_up_for_sale(self, capsys: pytest.CaptureFixture[str]) -> None:
        provider = cast.provider()
        _listed(provider, "77", name="Likes 👍")
        _listed(provider, "78", name="Views")

        call_command("catalogue", "import", "upstream", "--mark-up", "12.5")

        likes, views = Service.objects.order_by("pk")
        assert capsys.readouterr().out == (
            f"{likes.pk}  enabled  1.0125 USD per 1000  Default  Likes 👍\n"
            f"{views.pk}  enabled  1.0125 USD per 1000  Default  Views\n"
            "Added 2 services of upstream; 0 were on sale before and stay as they are.\n"
        )

    def test_takes_only_the_ids_that_are_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        provider = cast.provider()
        for upstream_id in ("77", "78", "79"):
            _listed(provider, upstream_id, name=upstream_id)
        call_command("catalogue", "import", "upstream", "--mark-up", "20", "--only", "78")
        capsys.readouterr()

        call_command("catalogue", "import", "upstream", "--mark-up", "20", "--only", "77, 78,")

        assert set(Service.objects.values_list("name", flat=True)) == {"77", "78"}
        assert capsys.readouterr().out.endswith(
            "Added 1 services of upstream; 1 were on sale before and stay as they are.\n"
        )

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("upstream", "--mark-up", "many"), "'many' is not a percentage"),
            (("upstream", "--mark-up", "-5"), "'-5' is not a percentage"),
            (("upstream", "--mark-up", "10001"), "A mark-up is a percentage from 0 to 10000"),
            (("upstream", "--mark-up", "5", "--only", " ,"), "Name at least one ID"),
            (("upstream", "--mark-up", "5", "--only", "404"), "upstream does not list 404"),
            (("nobody", "--mark-up", "5"), "nobody"),
            (("upstream",), "--mark-up"),
        ],
    )
    def test_says_in_one_line_what_stands_in_the_way(
        self, arguments: tuple[str, ...], words: str
    ) -> None:
        _listed(cast.provider(), "77")

        with pytest.raises(CommandError, match=words) as error:
            call_command("catalogue", "import", *arguments)

        assert "\n" not in str(error.value)
        assert not Service.objects.exists()


class TestList:
    def test_prints_every_service_in_the_catalogues_order(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        second = cast.service(name="Second", rate="15000", position=2)
        first = cast.service(
            name="First", type=OrderType.PACKAGE, visibility=Visibility.HIDDEN, position=1
        )
        cast.route(second, cast.provider())

        call_command("catalogue", "list")

        assert capsys.readouterr().out == (
            f"{first.pk}  hidden  0.9 USD per 1  Package  First  (manual)\n"
            f"{second.pk}  enabled  15000 USD per 1000  Default  Second  (1 routes)\n"
        )


class TestSet:
    def test_changes_the_rate(self, capsys: pytest.CaptureFixture[str]) -> None:
        service = cast.service(name="Likes")

        call_command("catalogue", "set", str(service.pk), "--rate", "1.5")

        service.refresh_from_db()
        assert service.rate_e8 == money.parse("1.5")
        assert capsys.readouterr().out == (
            f"{service.pk}  enabled  1.5 USD per 1000  Default  Likes\n"
        )

    def test_sets_a_name_and_the_locks(self) -> None:
        service = cast.service(name="Likes")

        call_command("catalogue", "set", str(service.pk), "--name", "Best likes", "--lock-rate")
        service.refresh_from_db()
        locked = (service.name, service.name_locked, service.rate_locked)
        call_command("catalogue", "set", str(service.pk), "--unlock-name", "--unlock-rate")
        service.refresh_from_db()

        assert locked == ("Best likes", True, True)
        assert (service.name_locked, service.rate_locked) == (False, False)

    @pytest.mark.parametrize(
        ("flag", "visibility"),
        [
            ("--enable", Visibility.ENABLED),
            ("--hide", Visibility.HIDDEN),
            ("--disable", Visibility.DISABLED),
        ],
    )
    def test_changes_the_visibility(self, flag: str, visibility: Visibility) -> None:
        before = Visibility.HIDDEN if visibility is Visibility.ENABLED else Visibility.ENABLED
        service = cast.service(visibility=before, rate="2")

        call_command("catalogue", "set", str(service.pk), flag)

        service.refresh_from_db()
        assert service.visibility == visibility
        assert service.rate_e8 == money.parse("2")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--rate", "0.000001"), "at most five decimals"),
            (("--rate", "-1"), "at most five decimals"),
            ((), "Say what to change"),
            (("--enable", "--hide"), "not allowed with"),
        ],
    )
    def test_refuses_what_makes_no_change(self, arguments: tuple[str, ...], words: str) -> None:
        service = cast.service(visibility=Visibility.DISABLED)

        with pytest.raises(CommandError, match=words):
            call_command("catalogue", "set", str(service.pk), *arguments)

        before = service.rate_e8
        service.refresh_from_db()
        assert (service.rate_e8, service.visibility) == (before, Visibility.DISABLED)

    def test_refuses_a_service_that_is_not_there(self) -> None:
        with pytest.raises(CommandError, match="There is no service 404"):
            call_command("catalogue", "set", "404", "--hide")

    def test_switches_automatic_refills(self) -> None:
        service = cast.service(refill_days=30)

        call_command("catalogue", "set", str(service.pk), "--auto-refill")

        service.refresh_from_db()
        assert service.auto_refill


@pytest.mark.sockets
class TestSync:
    def test_follows_the_list_and_prints_what_changed(
        self, upstream: Upstream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (service,) = _sold(upstream)
        upstream.tell(listing(rate="1.1"), listing("2", name="Views"))

        call_command("catalogue", "sync", "upstream")

        event = Sync.objects.get()
        assert rate(service) == "1.32"
        assert Provider.objects.get().balance_e8 == money.parse("100.84292")
        assert capsys.readouterr().out == (
            "new        2  1  Default  Views\n"
            f"rate up    service {service.pk}: 1.2 → 1.32\n"
            "Changed: 1 new, 1 of our services.  "
            f"To take it back: relaypanel catalogue undo {event.pk}\n"
        )

    def test_only_prints_it_in_a_dry_run(
        self, upstream: Upstream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (service,) = _sold(upstream)
        upstream.tell(listing(rate="1.1"))

        call_command("catalogue", "sync", "upstream", "--dry-run")

        assert rate(service) == "1.2"
        assert Provider.objects.get().balance_e8 is None
        assert capsys.readouterr().out == (
            f"rate up    service {service.pk}: 1.2 → 1.32\n"
            "Would change: 0 new, 1 of our services.  Nothing was changed.\n"
        )

    def test_says_when_there_is_nothing_to_do(
        self, upstream: Upstream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        _sold(upstream)
        upstream.tell(LIKES)

        call_command("catalogue", "sync", "upstream")

        assert capsys.readouterr().out == "Nothing changed.\n"

    @pytest.mark.parametrize("flags", [(), ("--dry-run",)])
    def test_refuses_a_short_list(self, upstream: Upstream, flags: tuple[str, ...]) -> None:
        _sold(upstream, *(listing(str(number)) for number in range(1, 4)))
        upstream.tell(listing("1", rate="1.1"))

        with pytest.raises(CommandError, match="holds 1 services where 3 were known"):
            call_command("catalogue", "sync", "upstream", *flags)

        call_command("catalogue", "sync", "upstream", "--accept-short", *flags)

    def test_lists_the_latest_and_undoes_one(
        self, upstream: Upstream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (service,) = _sold(upstream)
        upstream.tell(listing(rate="1.1"))
        call_command("catalogue", "sync", "upstream")
        event = Sync.objects.get()
        capsys.readouterr()

        call_command("catalogue", "undo", str(event.pk))
        call_command("catalogue", "syncs")

        assert rate(service) == "1.2"
        assert capsys.readouterr().out == (
            "1 services are as they were before; 0 were changed since and stay as they are.\n"
            f"{event.pk}  {event.at:%Y-%m-%d %H:%M}  upstream  applied  1 listed, "
            "1 services changed  undone\n"
        )


@pytest.mark.sockets
class TestQuarantine:
    def test_lists_and_approves(
        self, upstream: Upstream, capsys: pytest.CaptureFixture[str]
    ) -> None:
        service, waiting = _waiting(upstream)
        capsys.readouterr()

        call_command("catalogue", "quarantine", "list")
        call_command("catalogue", "quarantine", "approve", str(waiting.pk))

        assert rate(service) == "12"
        assert capsys.readouterr().out == (
            f"{waiting.pk}  {waiting.since_at:%Y-%m-%d %H:%M}  service {service.pk} paused  "
            "upstream 1  spike, 1 → 10  Likes 👍\n"
            f"rate up    service {service.pk}: 1.2 → 12\n"
            f"on         service {service.pk}: paused → enabled\n"
            f"released   service {service.pk}: 1  10  Default  Likes 👍\n"
        )

    def test_rejects(self, upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
        service, waiting = _waiting(upstream)
        capsys.readouterr()

        call_command("catalogue", "quarantine", "reject", str(waiting.pk))
        call_command("catalogue", "quarantine", "list")

        assert rate(service) == "1.2"
        assert capsys.readouterr().out == "Rejected 1; things stay as they are.\n"

    @pytest.mark.parametrize("decision", ["approve", "reject"])
    def test_needs_to_know_what(self, decision: str) -> None:
        with pytest.raises(CommandError, match=f"Say what to {decision}"):
            call_command("catalogue", "quarantine", decision)


class TestRule:
    def test_sets_lists_and_drops_them(self, capsys: pytest.CaptureFixture[str]) -> None:
        (service,) = sell(cast.provider())
        for arguments in (
            ("--provider", "upstream", "--mark-up", "25", "--auto-import"),
            ("--provider", "upstream", "--category", "Facebook", "--mark-up", "1.05"),
            ("--service", str(service.pk), "--mark-up", "5", "--fixed", "0.5"),
        ):
            call_command("catalogue", "rule", *arguments)
        capsys.readouterr()

        call_command("catalogue", "rules")

        assert sorted(capsys.readouterr().out.splitlines()) == [
            f"service {service.pk} Likes 👍  5.00 % + 0.5",
            "upstream  Facebook  1.05 % + 0",
            "upstream  all categories  auto-import  25.00 % + 0",
        ]
        call_command("catalogue", "rule", "--service", str(service.pk), "--remove")
        call_command(
            *("catalogue", "rule", "--provider", "upstream", "--category", "Facebook", "--remove")
        )
        assert [markup.percent_e2 for markup in Markup.objects.all()] == [2_500]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--provider", "upstream"), "Say either --mark-up"),
            (("--provider", "upstream", "--mark-up", "5", "--remove"), "Say either --mark-up"),
            (("--provider", "nobody", "--mark-up", "5"), "no provider called nobody"),
            (("--provider", "upstream", "--mark-up", "0.001"), "at most two decimals"),
            (("--provider", "upstream", "--mark-up", "5", "--fixed", "-1"), "not an amount"),
            (("--provider", "upstream", "--category", "X", "--mark-up", "5"), "lists nothing in"),
            (("--service", "404", "--mark-up", "5"), "no service 404"),
            (("--service", "404", "--remove"), "no such rule"),
            (("--service", "404", "--mark-up", "5", "--auto-import"), "for the rule of a provider"),
            (("--mark-up", "5"), "--provider"),
        ],
    )
    def test_says_in_one_line_what_stands_in_the_way(
        self, arguments: tuple[str, ...], words: str
    ) -> None:
        sell(cast.provider())

        with pytest.raises(CommandError, match=words) as error:
            call_command("catalogue", "rule", *arguments)

        assert "\n" not in str(error.value)


class TestTerms:
    def test_shows_and_sets_them(self, capsys: pytest.CaptureFixture[str]) -> None:
        cast.provider(currency="VND")

        call_command("catalogue", "terms", "upstream")
        call_command(
            *("catalogue", "terms", "upstream", "--every", "60", "--spike", "50", "--vanish", "5"),
            *("--currency-rate", "0.00004"),
        )

        assert capsys.readouterr().out == (
            "upstream: every 30 minutes; a rate that moves over 30 % waits; closed after 3 lists "
            "without it; one VND costs 1 USD.\n"
            "upstream: every 60 minutes; a rate that moves over 50 % waits; closed after 5 lists "
            "without it; one VND costs 0.00004 USD.\n"
        )

    def test_refuses_what_is_out_of_range(self) -> None:
        cast.provider()

        with pytest.raises(CommandError, match="whole number from 1 to 100"):
            call_command("catalogue", "terms", "upstream", "--vanish", "0")


def _sold(upstream: Upstream, *listings: Listing) -> list[Service]:
    provider = registry.add(name="upstream", url=upstream.url, key="its-key")
    return sell(provider, *listings)


def _waiting(upstream: Upstream) -> tuple[Service, Quarantine]:
    """Return a service whose provider went from 1 to 10, and what waits for it."""
    (service,) = _sold(upstream)
    upstream.tell(listing(rate="10"))
    call_command("catalogue", "sync", "upstream")
    return service, Quarantine.objects.get()


def _listed(provider: Provider, upstream_id: str, *, name: str = "Likes") -> UpstreamService:
    row: dict[str, Any] = {"min": 10, "max": 5_000, "rate_e8": money.parse("0.9")}
    row |= {"refill": False, "cancel": False, "dripfeed": False}
    return UpstreamService.objects.create(
        provider=provider,
        upstream_id=upstream_id,
        name=name,
        type=OrderType.DEFAULT.value,
        seen_at=_FETCHED_AT,
        **row,
    )
