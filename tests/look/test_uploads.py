from __future__ import annotations

import pytest
from django.core.exceptions import RequestDataTooBig
from django.test import RequestFactory

from relaypanel.look import uploads
from relaypanel.tickets import pictures


class TestBounded:
    def test_reads_nothing_of_a_body_that_is_too_large(self) -> None:
        request = RequestFactory().generic(
            "POST",
            "/tickets/new",
            b"--x--",
            content_type="multipart/form-data; boundary=x",
            CONTENT_LENGTH=str(uploads.BYTES_MAX + 1),
        )

        with pytest.raises(RequestDataTooBig):
            _ = request.POST

    def test_is_room_for_what_a_ticket_takes(self) -> None:
        assert pictures.PICTURES_MAX * pictures.UPLOAD_BYTES_MAX < uploads.BYTES_MAX
