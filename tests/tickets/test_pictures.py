from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from relaypanel.tickets import pictures
from relaypanel.tickets.models import Picture
from tests import cast
from tests.tickets import scene
from tests.tickets.scene import NOW, later

SECRET = b"TAKEN AT HOME"


def opened(webp: bytes) -> Image.Image:
    return Image.open(BytesIO(webp), formats=["WEBP"])


def photo(*, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, SECRET.decode()
    return scene.picture(format="JPEG", size=(40, 30), exif=exif)


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG that says it is large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b"")


class TestDrawAll:
    @pytest.mark.parametrize("format", pictures.FORMATS)
    def test_draws_what_people_have(self, format: str) -> None:
        (drawn,) = pictures.draw_all([scene.picture(format=format)])

        assert (drawn.width, drawn.height) == (40, 30)
        assert opened(drawn.webp).size == (40, 30)

    def test_leaves_everything_behind_but_the_pixels(self) -> None:
        uploaded = photo() + SECRET + b"<script>alert(1)</script>"
        assert uploaded.count(SECRET) == 2

        (drawn,) = pictures.draw_all([uploaded])

        assert SECRET not in drawn.webp
        assert b"script" not in drawn.webp
        assert not opened(drawn.webp).getexif()

    def test_turns_a_photo_upright(self) -> None:
        (drawn,) = pictures.draw_all([photo(orientation=6)])

        assert (drawn.width, drawn.height) == (30, 40)

    def test_makes_a_large_picture_smaller(self) -> None:
        (drawn,) = pictures.draw_all([scene.picture(size=(3200, 800))])

        assert (drawn.width, drawn.height) == (1600, 400)

    def test_keeps_what_is_transparent(self) -> None:
        (drawn,) = pictures.draw_all([scene.picture(transparent=True)])

        assert opened(drawn.webp).mode == "RGBA"

    def test_draws_the_first_picture_of_a_film(self) -> None:
        frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
        film = BytesIO()
        frames[0].save(film, "GIF", save_all=True, append_images=frames[1:])

        (drawn,) = pictures.draw_all([film.getvalue()])

        assert getattr(opened(drawn.webp), "n_frames", 1) == 1

    def test_refuses_more_than_may_be_sent_at_once(self) -> None:
        with pytest.raises(pictures.TooManyPictures):
            pictures.draw_all([scene.picture()] * (pictures.PICTURES_MAX + 1))

    def test_refuses_a_file_that_is_too_large(self) -> None:
        with pytest.raises(pictures.PictureTooLarge):
            pictures.draw_all([b"\0" * (pictures.UPLOAD_BYTES_MAX + 1)])

    @pytest.mark.parametrize("size", [(6000, 4001), (100_000, 100_000)])
    def test_refuses_a_bomb_before_it_goes_off(self, size: tuple[int, int]) -> None:
        with pytest.raises((pictures.PictureTooLarge, pictures.NotAPicture)):
            pictures.draw_all([bomb(*size)])

    @pytest.mark.parametrize(
        "uploaded",
        [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\x89PNG\r\n"],
    )
    def test_refuses_what_is_no_picture(self, uploaded: bytes) -> None:
        with pytest.raises(pictures.NotAPicture):
            pictures.draw_all([uploaded])

    def test_refuses_a_format_that_nobody_sends(self) -> None:
        with pytest.raises(pictures.NotAPicture):
            pictures.draw_all([scene.picture(format="BMP")])

    @given(
        format=st.sampled_from(pictures.FORMATS),
        at=st.integers(0, 400),
        junk=st.binary(min_size=1, max_size=12),
        cut=st.integers(0, 400),
    )
    def test_draws_or_refuses_whatever_comes(
        self, format: str, at: int, junk: bytes, cut: int
    ) -> None:
        whole = scene.picture(format=format)
        broken = whole[:at] + junk + whole[at + len(junk) : len(whole) - cut]

        try:
            drawn = pictures.draw_all([broken])
        except (pictures.NotAPicture, pictures.PictureTooLarge):
            return

        assert opened(drawn[0].webp).size == (drawn[0].width, drawn[0].height)


@pytest.mark.django_db
class TestName:
    def test_shows_the_picture(self) -> None:
        picture = a_picture()

        found = pictures.find(pictures.name(picture, now=NOW), now=NOW)

        assert found == bytes(picture.webp)

    def test_stays_the_same_within_the_hour(self) -> None:
        picture = a_picture()

        names = {pictures.name(picture, now=NOW), pictures.name(picture, now=later(minutes=59))}

        assert len(names) == 1

    @pytest.mark.parametrize("minutes", [0, 59, 119])
    def test_lasts_for_an_hour_at_least(self, minutes: int) -> None:
        name = pictures.name(a_picture(), now=NOW)

        assert pictures.find(name, now=later(minutes=minutes)) is not None

    def test_ends(self) -> None:
        name = pictures.name(a_picture(), now=NOW)

        assert pictures.find(name, now=later(minutes=120)) is None

    def test_cannot_be_made_up(self) -> None:
        mine, other = a_picture(), a_picture("bob")
        number, until, signature = pictures.name(mine, now=NOW).split("-", 2)

        assert pictures.find(f"{other.pk}-{until}-{signature}", now=NOW) is None
        assert pictures.find(f"{number}-{int(until) + 1}-{signature}", now=NOW) is None
        assert pictures.find(f"{number}-{until}-{signature[:-1]}", now=NOW) is None

    @pytest.mark.parametrize("name", ["", "1", "../../etc/passwd", "9" * 30 + "-1-" + "a" * 43])
    def test_is_nothing_else(self, name: str) -> None:
        assert pictures.find(name, now=NOW) is None

    def test_of_a_picture_that_is_gone_shows_nothing(self) -> None:
        picture = a_picture()
        name = pictures.name(picture, now=NOW)
        picture.delete()

        assert pictures.find(name, now=NOW) is None


def a_picture(who: str = "alice") -> Picture:
    user = {"alice": cast.alice, "bob": cast.bob}[who]().user
    ticket = scene.ticket(user, uploads=[scene.picture()])
    return Picture.objects.get(message__ticket=ticket)
