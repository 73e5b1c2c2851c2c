"""Pictures that people attach: drawn anew, kept in the database, shown by signed names.

What is uploaded is hostile.  It is decoded under limits, and what is kept is our own encoding
of its pixels: no EXIF with the place where it was taken, no script, no second file behind it.
See docs/decisions/0012-pictures-of-tickets.md.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Final

from django.core import signing
from django.utils.crypto import constant_time_compare
from PIL import Image, ImageOps

from relaypanel import errors
from relaypanel.tickets.models import Picture

PICTURES_MAX: Final = 4
UPLOAD_BYTES_MAX: Final = 8 * 1024 * 1024
# A photo of a recent phone has 12 to 50 million; decoded, 24 million are 96 MB.
PIXELS_MAX: Final = 24_000_000
# Enough to read a screenshot by.
SIDE_MAX: Final = 1600
FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")

# How long a name may be used that a page was drawn with: from one to two of these.
_SHOWN_FOR: Final = timedelta(hours=1)
_NAME: Final = re.compile(r"([1-9]\d{0,17})-(\d{1,10})-([\w-]{20,60})", re.ASCII)
_SIGNER: Final = signing.Signer(salt="relaypanel.tickets.pictures", sep=":")

# What Pillow's decoders raise on files that are broken, by accident or on purpose.
_BROKEN: Final = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    LookupError,
    OverflowError,
    ArithmeticError,
    MemoryError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class TooManyPictures(errors.Refused):
    code = "too_many_pictures"


class PictureTooLarge(errors.Refused):
    """It has too many bytes, or too many pixels."""

    code = "picture_too_large"


class NotAPicture(errors.Refused):
    code = "not_a_picture"


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A picture that may be kept."""

    width: int
    height: int
    webp: bytes


def draw_all(uploads: Sequence[bytes]) -> list[Drawn]:
    """Return the uploaded files as pictures of ours.  Takes a while: no transaction is open.

    Raises TooManyPictures, PictureTooLarge and NotAPicture.
    """
    if len(uploads) > PICTURES_MAX:
        raise TooManyPictures
    return [draw(upload) for upload in uploads]


def draw(upload: bytes, *, side_max: int = SIDE_MAX) -> Drawn:
    """Return one uploaded file as a picture of ours.  Raises PictureTooLarge and NotAPicture."""
    if len(upload) > UPLOAD_BYTES_MAX:
        raise PictureTooLarge
    try:
        return _drawn_anew(upload, side_max)
    except _BROKEN:
        raise NotAPicture from None


def name(picture: Picture, *, now: datetime) -> str:
    """Return the name under which whoever has it may see the picture, for an hour or two.

    It stays the same within the hour, so that a page that is drawn again asks for nothing anew.
    """
    hours = int(now.timestamp()) // int(_SHOWN_FOR.total_seconds())
    return _signed(picture.pk, hours + 2)


def find(name: str, *, now: datetime) -> bytes | None:
    """Return the picture of that name; None: there is none, or the name's time is over."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    pk, until = int(match[1]), int(match[2])
    is_over = now.timestamp() >= until * _SHOWN_FOR.total_seconds()
    if is_over or not constant_time_compare(_signed(pk, until), name):
        return None
    webp = Picture.objects.filter(pk=pk).values_list("webp", flat=True).first()
    return None if webp is None else bytes(webp)


def _signed(pk: int, until: int) -> str:
    return f"{pk}-{until}-{_SIGNER.signature(f'{pk}-{until}')}"


def _drawn_anew(upload: bytes, side_max: int) -> Drawn:
    with Image.open(BytesIO(upload), formats=FORMATS) as opened:
        # The header says how large it is; nothing is decoded before that was looked at.
        if opened.width * opened.height > PIXELS_MAX:
            raise PictureTooLarge
        has_holes = opened.has_transparency_data
        pixels = opened if opened.mode in ("RGB", "RGBA") else opened.convert("RGBA")
        # In place, and before all else, so that no second picture of that size is ever there.  A
        # JPEG is not even decoded in full.
        pixels.thumbnail((side_max, side_max))
        pixels = ImageOps.exif_transpose(pixels).convert("RGBA" if has_holes else "RGB")
    # A copy of the pixels alone: what the file said beside them stays behind.
    clean = Image.new(pixels.mode, pixels.size)
    clean.paste(pixels)
    drawn = BytesIO()
    clean.save(drawn, "WEBP", quality=82, method=2)
    return Drawn(width=clean.width, height=clean.height, webp=drawn.getvalue())
