from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id at OWASP's first setting: about 0.1 s, where Django's default takes five times that.

    A sign-in form that costs half a second of a core is a lever against the whole panel.
    """

    memory_cost = 19_456  # KiB
    time_cost = 2
    parallelism = 1
