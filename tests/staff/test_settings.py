from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from relaypanel import money
from relaypanel.accounts.models import AuditEntry, Section
from relaypanel.accounts.rights import Level
from relaypanel.storefront import profile, texts
from relaypanel.storefront.models import Announcement, TextPage
from tests.staff import people
from tests.tickets import scene

pytestmark = pytest.mark.django_db

GOOD = {
    "name": "Nova",
    "hue": "20",
    "languages": ["en", "vi"],
    "sign_up_is_open": "on",
    "adjust_alone_max": "5",
}


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
        "wrong",
        [
            {"hue": "400"},
            {"hue": ""},
            {"adjust_alone_max": "-1"},
            {"name": "x" * 41},
            {"languages": []},
            {"languages": ["xx"]},
            {"languages": ["en"], "default_language": "vi"},
        ],
    )
    def test_says_what_is_wrong(self, client: Client, wrong: dict[str, Any]) -> None:
        page = client.post("/staff/settings", GOOD | wrong).content.decode()

        assert "field-error" in page
        assert profile.current().name == ""


class TestLimit:
    def test_stays_where_somebody_without_money_saves(self) -> None:
        levels = {Section.SETTINGS: Level.EDIT, Section.MONEY: Level.VIEW}
        client = people.staff(levels=levels)

        client.post("/staff/settings", GOOD)

        assert profile.current().name == "Nova"
        assert profile.current().adjust_alone_max_e8 == money.parse("100")


class TestLanguages:
    def test_that_are_not_offered_are_not_spoken(self, client: Client) -> None:
        visitor = Client(headers={"Accept-Language": "en"})
        assert 'lang="en"' in visitor.get("/faq").content.decode()

        client.post("/staff/settings", GOOD | {"languages": ["vi"]})

        page = visitor.get("/faq").content.decode()
        assert 'lang="vi"' in page
        assert "/language" not in page
        assert visitor.post("/language", {"language": "en"}).status_code == 400
        visitor.cookies.load({"django_language": "en"})
        assert 'lang="vi"' in visitor.get("/faq").content.decode()

    def test_begin_as_the_owner_says(self, client: Client) -> None:
        visitor = Client(headers={"Accept-Language": "en"})

        client.post("/staff/settings", GOOD | {"default_language": "vi"})

        assert 'lang="vi"' in visitor.get("/faq").content.decode()
        visitor.post("/language", {"language": "en"})
        assert 'lang="en"' in visitor.get("/faq").content.decode()


class TestLogo:
    def test_is_drawn_anew_and_shown_on_every_page(self, client: Client) -> None:
        upload = scene.picture(size=(900, 300))

        client.post("/staff/settings/logo", {"logo": SimpleUploadedFile("../a.png", upload)})

        path = f"/logo/{profile.current().logo_name}.webp"
        for address in ("/", "/staff/settings", "/dashboard"):
            assert path in client.get(address).content.decode()
        reply = client.get(path)
        assert (reply["Content-Type"], reply.content[8:12]) == ("image/webp", b"WEBP")
        assert Image.open(BytesIO(reply.content)).size == (400, 133)
        assert "immutable" in reply["Cache-Control"]
        assert AuditEntry.objects.get(act="settings.logo").before == {"logo": ""}

    def test_outlives_the_settings_and_is_taken_away(self, client: Client) -> None:
        upload = SimpleUploadedFile("a.png", scene.picture())
        client.post("/staff/settings/logo", {"logo": upload})
        path = f"/logo/{profile.current().logo_name}.webp"

        client.post("/staff/settings", GOOD)
        assert client.get(path).status_code == 200
        client.post("/staff/settings/logo")

        assert profile.current().logo_name == ""
        assert client.get(path).status_code == 404
        assert "/logo/" not in client.get("/").content.decode()

    @pytest.mark.parametrize("upload", [b"", b"<svg onload=x>", b"\x89PNG\r\n\x1a\n"])
    def test_is_refused_if_it_is_no_picture(self, client: Client, upload: bytes) -> None:
        file = SimpleUploadedFile("a.png", upload)

        reply = client.post("/staff/settings/logo", {"logo": file}, follow=True)

        assert "no picture" in reply.content.decode()
        assert profile.current().logo_name == ""
        assert not AuditEntry.objects.filter(act="settings.logo").exists()


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

    def test_is_worded_otherwise(self, client: Client) -> None:
        client.post("/staff/settings/news", {"title": "Sale", "kind": "offer", "body": "10 %"})
        one = Announcement.objects.get()
        path = f"/staff/settings/news/{one.pk}"
        assert "10 %" in client.get(path).content.decode()

        client.post(path, {"title": "Large sale", "kind": "offer", "body": "20 %"})

        one.refresh_from_db()
        assert (one.title, one.body) == ("Large sale", "20 %")
        entry = AuditEntry.objects.get(act="announcement.change")
        assert (entry.before["title"], entry.after["title"]) == ("Sale", "Large sale")
        assert "field-error" in client.post(path, {"kind": "offer"}).content.decode()
        assert client.get(f"/staff/settings/news/{2**70}").status_code == 404
        assert client.post(f"/staff/settings/news/{one.pk + 1}").status_code == 404

    def test_says_what_is_missing(self, client: Client) -> None:
        page = client.post("/staff/settings/news", {"kind": "offer"}).content.decode()

        assert "field-error" in page
        assert client.get("/staff/settings/news?before=x").status_code == 200
