"""What a customer fills in to ask something, and the refusals beside their fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import IO, Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from relaypanel.dashboard import refusals
from relaypanel.errors import Refused
from relaypanel.tickets import pictures, thread
from relaypanel.tickets.models import SUBJECT_CHARACTERS_MAX

_BETWEEN: Final = re.compile(r"[\s,;#]+")
_ID: Final = re.compile(r"\d{1,18}", re.ASCII)
_MEGABYTE: Final = 1024 * 1024


class _Files(forms.ClearableFileInput):
    allow_multiple_selected = True


class _PictureField(forms.FileField):
    """Any number of files, each as bytes; more of one than we take is not read."""

    widget = _Files(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"})

    def clean(self, data: Any, initial: Any = None) -> list[bytes]:  # noqa: ARG002 - Django's name
        files: Sequence[IO[bytes]] = data or []
        return [file.read(pictures.UPLOAD_BYTES_MAX + 1) for file in files if file]


class Answer(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("Message"),
        widget=forms.Textarea(attrs={"rows": 5, "maxlength": thread.TEXT_CHARACTERS_MAX}),
    )
    pictures = _PictureField(label=gettext_lazy("Pictures"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # The browser marks what is wrong only after it was sent: the words come from here.
        super().__init__(*args, **{"auto_id": "ticket-%s"} | kwargs)
        self.fields["pictures"].help_text = _(
            "Up to %(count)d, each up to %(size)d MB: PNG, JPEG, WebP or GIF."
        ) % {"count": pictures.PICTURES_MAX, "size": pictures.UPLOAD_BYTES_MAX // _MEGABYTE}

    def refuse(self, refused: Refused) -> None:
        """Put the refusal beside the field that it is about."""
        field = refusals.field(refused)
        self.add_error(field if field in self.fields else None, refusals.words(refused))


class Opening(Answer):
    subject = forms.CharField(
        label=gettext_lazy("Subject"),
        widget=forms.TextInput(attrs={"maxlength": SUBJECT_CHARACTERS_MAX, "autocomplete": "off"}),
    )
    orders = forms.CharField(
        label=gettext_lazy("Order IDs"),
        required=False,
        help_text=gettext_lazy("If it is about orders: their numbers, with commas between them."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    field_order = ("subject", "orders", "text", "pictures")

    def clean_orders(self) -> list[int]:
        items = [item for item in _BETWEEN.split(self.cleaned_data["orders"]) if item]
        if not all(_ID.fullmatch(item) for item in items):
            raise forms.ValidationError(_("Write order numbers, like 1204, 1205."))
        return [int(item) for item in items]
