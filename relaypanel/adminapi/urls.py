"""One address; routes.py says what is there."""

from __future__ import annotations

from django.urls import path

from relaypanel.adminapi import door

urlpatterns = [path("<path:path>", door.answer, name="admin-api")]
