"""The provider that desks call, as the commands call it too."""

from __future__ import annotations

from tests.management.conftest import upstream

__all__ = ["upstream"]
