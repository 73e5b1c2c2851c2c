from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.http import HttpRequest, QueryDict
from django.template import Context, Template
from django.utils import timezone, translation

from relaypanel import clock
from relaypanel.look.templatetags import look
from relaypanel.orders.models import Status

AT = datetime(2026, 11, 24, 5, 50, tzinfo=UTC)


class Contact(forms.Form):
    name = forms.CharField(help_text="As friends say it.")
    agree = forms.BooleanField()


def draw(template: str, **values: object) -> str:
    return Template(f"{{% load look %}}{template}").render(Context(values))


class TestMoney:
    def test_is_exact_and_in_the_panels_currency(self) -> None:
        assert draw("{{ amount|money }}", amount=27_819_000) == "$0.27819"

    def test_of_a_movement_says_its_direction(self) -> None:
        assert draw("{{ amount|signed_money }}", amount=10**8) == "+$1.00"


class TestMoment:
    def test_is_told_in_the_readers_zone_and_exactly_to_machines(self) -> None:
        with timezone.override(ZoneInfo("Asia/Ho_Chi_Minh")):
            shown = draw("{{ at|moment }}", at=AT)

        assert shown == '<time datetime="2026-11-24T05:50:00+00:00">24 Nov 2026, 12:50</time>'

    def test_is_told_as_vietnamese_write_it(self) -> None:
        with translation.override("vi"):
            assert ">24/11/2026 05:50<" in draw("{{ at|moment }}", at=AT)

    @pytest.mark.parametrize("name", ["moment", "ago"])
    def test_that_has_not_come_is_a_dash(self, name: str) -> None:
        assert draw(f"{{{{ at|{name} }}}}", at=None) == "—"


class TestAgo:
    @pytest.mark.parametrize(
        ("passed", "words"),
        [
            (timedelta(seconds=5), "just now"),
            (timedelta(minutes=59), "59 min ago"),
            (timedelta(hours=23), "23 h ago"),
            (timedelta(days=1), "1 day ago"),
            (timedelta(days=9), "9 days ago"),
        ],
    )
    def test_uses_the_largest_unit(self, passed: timedelta, words: str) -> None:
        assert f">{words}<" in look.ago(clock.now() - passed)


class TestDuration:
    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (0, "1 min"),
            (61, "2 min"),
            (3600, "1 h"),
            (12_000, "3 h 20 min"),
            (90_000, "1 d 1 h"),
            (None, "—"),
        ],
    )
    def test_uses_two_units_at_most(self, seconds: int | None, words: str) -> None:
        assert look.duration(seconds) == words


class TestStatus:
    @pytest.mark.parametrize("status", Status.values)
    def test_has_words_and_a_colour_for_each(self, status: str) -> None:
        assert 'class="pill status-' in look.status_pill(status)

    @pytest.mark.parametrize("status", ["queued", "sending", "unconfirmed", "held", "pending"])
    def test_says_pending_until_the_provider_has_begun(self, status: str) -> None:
        assert ">Pending<" in look.status_pill(status)


class TestField:
    def test_ties_label_help_and_errors_to_the_control(self) -> None:
        shown = draw("{% field form.name %}", form=Contact({}))

        assert '<label for="id_name">Name</label>' in shown
        assert 'aria-describedby="id_name-help id_name-errors"' in shown
        assert 'aria-invalid="true"' in shown
        assert 'id="id_name-errors"' in shown

    def test_puts_a_box_before_its_words(self) -> None:
        assert '<label class="check"><input' in draw("{% field form.agree %}", form=Contact())

    def test_passes_attributes_on(self) -> None:
        shown = draw('{% field form.name hx_get="/quote" %}', form=Contact())

        assert 'hx-get="/quote"' in shown

    def test_says_its_label_once(self) -> None:
        form = Contact()
        form.fields["name"].widget.attrs["placeholder"] = "Name"

        assert "placeholder" not in draw("{% field form.name %}", form=form)


class TestWithQuery:
    def test_changes_one_parameter_and_keeps_the_rest(self) -> None:
        request = HttpRequest()
        request.GET = QueryDict("q=a+b&before=9")

        assert draw("{% with_query before=7 %}", request=request) == "?q=a+b&amp;before=7"
        assert draw("{% with_query before=None %}", request=request) == "?q=a+b"
