from __future__ import annotations

import pytest
from django.test import Client

from relaypanel import money
from relaypanel.accounts.models import AuditEntry
from relaypanel.storefront import profile, texts
from relaypanel.storefront.models import Announcement, TextPage
from tests.staff import people

pytestmark = pytest.mark.django_db

GOOD = {"name": "Nova", "hue": "20", "sign_up_is_open": "on", "adjust_alone_max": "5"}


@pytest.fixture
def client() -> Client:
    return people.owner()


class TestProfile:
    def test_is_kept_and_shows_on_every_page(self, client: Client) -> None:
        assert client.post("/staff/settings", GOOD)["Location"] == "/staff/settings"

        page = client.get("/staff/settings").content.decode()
        assert "Nova" in page
        assert "/hue/20.css" in page
        assert profile.current().adjust_alone_max_e8 == money.parse("5")
        assert AuditEntry.objects.get(act="settings.save").after["name"] == "Nova"

    @pytest.mark.parametrize(
        "wrong", [{"hue": "400"}, {"hue": ""}, {"adjust_alone_max": "-1"}, {"name": "x" * 41}]
    )
    def test_says_what_is_wrong(self, client: Client, wrong: dict[str, str]) -> None:
        page = client.post("/staff/settings", GOOD | wrong).content.decode()

        assert "field-error" in page
        assert profile.current().name == ""


class TestWords:
    def test_are_kept(self, client: Client) -> None:
        told = {"page": "terms", "language": "en", "body": "Be kind."}

        client.post("/staff/settings/texts", told)

        assert texts.written(page=TextPage.TERMS) == {"en": "Be kind."}
        assert "Be kind." in client.get("/staff/settings/texts").content.decode()

    def test_are_refused_where_there_is_no_place(self, client: Client) -> None:
        reply = client.post("/staff/settings/texts", {"page": "x", "body": "a"}, follow=True)

        assert "no place" in " ".join(map(str, reply.context["messages"]))


class TestNews:
    def test_is_announced_and_taken_down(self, client: Client) -> None:
        client.post("/staff/settings/news", {"title": "Sale", "kind": "offer"})

        one = Announcement.objects.get()
        assert "Sale" in client.get("/staff/settings/news").content.decode()
        client.post(f"/staff/settings/news/{one.pk}/down")
        assert not Announcement.objects.exists()
        assert client.post(f"/staff/settings/news/{one.pk}/down").status_code == 404

    def test_says_what_is_missing(self, client: Client) -> None:
        page = client.post("/staff/settings/news", {"kind": "offer"}).content.decode()

        assert "field-error" in page
        assert client.get("/staff/settings/news?before=x").status_code == 200
