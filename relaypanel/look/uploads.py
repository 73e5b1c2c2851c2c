"""How much anybody may send with a form, said before the first byte of it is read."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

# A few pictures with their words.  The pages say how large one may be, and refuse it in words;
# this keeps a stranger from filling the disk.
BYTES_MAX: Final = 40 * 1024 * 1024


class Bounded(FileUploadHandler):
    """Refuses a body that is too large, and leaves the files of all others to who comes next."""

    def handle_raw_input(self, *args: Any, **_more: Any) -> None:
        _input, _meta, content_length, *_rest = args
        if content_length > BYTES_MAX:
            raise RequestDataTooBig

    def receive_data_chunk(self, raw_data: bytes, *_start: int) -> bytes:
        return raw_data

    def file_complete(self, *_size: int) -> None:
        return None
