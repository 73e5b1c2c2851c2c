"""Who is here: users, their API keys and the addresses their keys may be used from."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from relaypanel import clock


class Role(models.TextChoices):
    CUSTOMER = "customer"  # buys, on the pages or by API v2
    STAFF = "staff"  # looks after orders and people
    OWNER = "owner"  # staff who may also set prices and see all money


class Theme(models.TextChoices):
    AUTO = "auto"  # as the device is set
    LIGHT = "light"
    DARK = "dark"


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    username = models.CharField(max_length=60, unique=True, validators=[UnicodeUsernameValidator()])
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.CUSTOMER)
    is_active = models.BooleanField(default=True)
    # What the pages call the user; "": the username.
    display_name = models.CharField(max_length=60, blank=True, default="")
    # "": what the browser asks for.
    language = models.CharField(max_length=2, blank=True, default="")
    # A name of the IANA database, like Asia/Ho_Chi_Minh; "": UTC.
    time_zone = models.CharField(max_length=64, blank=True, default="")
    theme = models.CharField(max_length=5, choices=Theme.choices, default=Theme.AUTO)
    joined_at = models.DateTimeField(default=clock.now)
    # Addresses and networks that may use the API key, canonical, one a line.  Empty: all may.
    api_networks = models.TextField(blank=True, default="")
    # Calls of API v2 that the user may make in a minute.  0: any number; NULL: as the panel says.
    api_calls_per_minute = models.PositiveIntegerField(null=True, blank=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = (
            # Two names that differ by case alone are one person to everybody who reads them.
            models.UniqueConstraint(Lower("username"), name="username_is_taken_in_any_case"),
            models.UniqueConstraint(
                Lower("email"), condition=~Q(email=""), name="email_is_taken_in_any_case"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
        )

    def __str__(self) -> str:
        return self.username


class ApiKey(models.Model):
    """A key of API v2.  Neither the key nor anything that yields it stands here in clear."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    # HMAC-SHA-256 of the key under a secret from outside the database: how a call finds its user.
    key_hmac = models.BinaryField(max_length=32, unique=True)
    # The key, encrypted under FIELD_KEYS, so that its owner can look at it.
    key_encrypted = models.TextField()
    last_four = models.CharField(max_length=4)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.GenericIPAddressField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user",), condition=Q(revoked_at=None), name="one_live_key_per_user"
            ),
        )

    def __str__(self) -> str:
        return f"…{self.last_four}"


class SharedCacheEntry(models.Model):
    """What Django's cache keeps where there is no Redis: used codes, and counts of sign-ins.

    Django's database cache reads and writes the table itself, by these names of columns.
    """

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "shared_cache"

    def __str__(self) -> str:
        return self.cache_key
