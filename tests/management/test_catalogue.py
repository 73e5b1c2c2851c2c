from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from relaypanel import clock, money
from relaypanel.catalogue.models import Service, Visibility
from relaypanel.contract import OrderType
from relaypanel.providers.models import Provider, UpstreamService
from tests import cast

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
