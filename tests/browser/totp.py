"""What an authenticator app shows."""

from __future__ import annotations

import base64
import hmac
import struct
import time


def totp(secret: str) -> str:
    """Return what an authenticator app with this seed shows now: RFC 6238."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    place = digest[-1] & 15
    number = struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**6:06}"
