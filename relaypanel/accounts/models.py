"""Who is here: users, their API keys and the addresses their keys may be used from."""

from __future__ import annotations

from collections.abc import Iterable
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
    OWNER = "owner"  # staff who may do everything, and alone give rights


class Section(models.TextChoices):
    """The parts of the desk.  A member of staff sees those that their staff role opens."""

    OVERVIEW = "overview"
    ORDERS = "orders"
    CATALOGUE = "catalogue"
    PROVIDERS = "providers"
    USERS = "users"
    MONEY = "money"  # and every amount of money in the other sections
    TICKETS = "tickets"
    SETTINGS = "settings"
    AUDIT_LOG = "audit_log"


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
    # What a member of staff may do.  NULL: nothing; customers and owners have none.
    staff_role = models.ForeignKey(
        "StaffRole", on_delete=models.PROTECT, null=True, blank=True, related_name="members"
    )
    is_active = models.BooleanField(default=True)
    # What the pages call the user; "": the username.
    display_name = models.CharField(max_length=60, blank=True, default="")
    # "": what the browser asks for.
    language = models.CharField(max_length=2, blank=True, default="")
    # A name of the IANA database, like Asia/Ho_Chi_Minh; "": UTC.
    time_zone = models.CharField(max_length=64, blank=True, default="")
    # Amounts are shown in this one too, roughly; "": in the panel's alone.
    second_currency = models.CharField(max_length=3, blank=True, default="")
    theme = models.CharField(max_length=5, choices=Theme.choices, default=Theme.AUTO)
    joined_at = models.DateTimeField(default=clock.now)
    # Addresses and networks that may use the API key, canonical, one a line.  Empty: all may.
    api_networks = models.TextField(blank=True, default="")
    # Calls of API v2 that the user may make in a minute.  0: any number; NULL: as the panel says.
    api_calls_per_minute = models.PositiveIntegerField(null=True, blank=True)
    # HMAC-SHA-256 of the live API key under a secret from outside the database: how a call finds
    # its user.  It stands here and not with the key, so that each call looks into one table less.
    # keys.issue alone writes it.
    api_key_hmac = models.BinaryField(max_length=32, null=True)

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
            # With a condition: a new value in a plain unique index would wait in PostgreSQL for
            # every order that is being placed for the user.  In these words: SQLite does not
            # see that "NOT (… IS NULL)" is true of what equals something, and reads all users.
            models.UniqueConstraint(
                fields=("api_key_hmac",),
                condition=Q(api_key_hmac__isnull=False),
                name="an_api_key_opens_one_door",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
            models.CheckConstraint(
                condition=Q(staff_role=None) | Q(role=Role.STAFF),
                name="staff_alone_have_a_staff_role",
            ),
        )

    def __str__(self) -> str:
        return self.username

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **how: Any) -> None:
        """Write the user as Django does, but for the key.

        A page that has the user in hand while the key is rotated would bring the old key back.
        """
        if update_fields is None and not self._state.adding:
            fields = {field.name for field in self._meta.concrete_fields if not field.primary_key}
            update_fields = fields - {"api_key_hmac"}
        super().save(*args, update_fields=update_fields, **how)


class ApiKey(models.Model):
    """A key of API v2 as people see it.  Neither it nor anything that yields it stands here in
    clear; what a call is looked up by is User.api_key_hmac.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
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


class SignInHow(models.TextChoices):
    PASSWORD = "password"  # noqa: S105  a way, not one
    CODE = "code"  # the password, and then an authenticator app or a recovery code
    PASSKEY = "passkey"


class SignIn(models.Model):
    """Somebody signed in, or tried to: what the user can look through.  See sign_ins.py."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    at = models.DateTimeField()
    succeeded = models.BooleanField()
    how = models.CharField(max_length=10, choices=SignInHow.choices)
    address = models.GenericIPAddressField()
    user_agent = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        indexes = (
            models.Index(fields=("user", "-id"), name="sign_in_list_of_a_user"),
            models.Index(fields=("at",), name="sign_in_to_forget"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(how__in=SignInHow.values), name="a_way_to_sign_in_is_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} from {self.address}"


class Scope(models.TextChoices):
    """What a key of the admin API opens."""

    ORDERS_READ = "orders.read"  # lists and looks at orders
    ORDERS_WORK = "orders.work"  # pulls orders done by hand, and reports how they go
    ORDERS_WRITE = "orders.write"  # moves, ends and refunds any order
    PAYMENTS_READ = "payments.read"
    PAYMENTS_WRITE = "payments.write"  # adds money to a balance
    USERS_READ = "users.read"
    USERS_WRITE = "users.write"
    TICKETS_READ = "tickets.read"
    TICKETS_WRITE = "tickets.write"


class AdminKey(models.Model):
    """A key of the admin API.  It is shown once, and nothing here yields it."""

    name = models.CharField(max_length=60)
    # In whose name it acts, and whose rights bound it.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="admin_keys")
    key_hmac = models.BinaryField(max_length=32, unique=True)
    last_four = models.CharField(max_length=4)
    scopes = models.JSONField()
    # The services whose orders it may see and work on; []: all.
    service_ids = models.JSONField(default=list)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.GenericIPAddressField(null=True)

    def __str__(self) -> str:
        return f"{self.name} …{self.last_four}"


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


class StaffRole(models.Model):
    """A job at the desk, as the owner words it, with its rights."""

    name = models.CharField(max_length=60)

    class Meta:
        constraints = (
            models.UniqueConstraint(Lower("name"), name="a_staff_role_has_a_name_of_its_own"),
        )

    def __str__(self) -> str:
        return self.name


class StaffRight(models.Model):
    """A section that a staff role opens; without a row it is closed."""

    role = models.ForeignKey(StaffRole, on_delete=models.CASCADE, related_name="rights")
    section = models.CharField(max_length=12, choices=Section.choices)
    # False: may look.
    may_edit = models.BooleanField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("role", "section"), name="one_right_per_section"),
            models.CheckConstraint(
                condition=Q(section__in=Section.values), name="section_is_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.section}: {'edit' if self.may_edit else 'view'}"


class AuditEntry(models.Model):
    """One act of staff, written with it.  A trigger refuses to change or remove it."""

    # NULL: somebody at the command line.
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="acts")
    # A stable code: "order.refund", "user.suspend", …
    act = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=30)
    subject_id = models.CharField(max_length=64)
    # What the act changed, by name, with secrets masked; {} on the side that has nothing.
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = (
            models.Index(fields=("user", "id"), name="acts_of_one_person"),
            models.Index(fields=("subject_kind", "subject_id", "id"), name="acts_on_one_thing"),
            models.Index(fields=("act", "id"), name="acts_of_one_kind"),
        )

    def __str__(self) -> str:
        return f"{self.act} {self.subject_kind} {self.subject_id}"
