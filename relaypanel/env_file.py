"""The `.env` file: where it is, and how it comes to be."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent


def path() -> Path:
    return Path(os.environ.get("RELAYPANEL_ENV_FILE", BASE_DIR / ".env"))


def write() -> bool:
    """Write the file with fresh keys, for its owner's eyes only.

    Returns False when there was a file already, which is left as it is: new keys would make
    every secret in the database unreadable.
    """
    try:
        # Born with its mode, so that the keys are never readable by others, not for a moment.
        handle = os.open(path(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as file:
        file.write(_fresh())
    return True


def _fresh() -> str:
    field_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return f"SECRET_KEY={secrets.token_urlsafe(50)}\nFIELD_KEYS={field_key}\n"
