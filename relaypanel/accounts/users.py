"""Making and finding users."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from relaypanel import errors
from relaypanel.accounts.models import Role, User

# ASCII, because the databases fold the case of other letters differently, and because a
# Cyrillic "a" in a name would pass for somebody else.
_USERNAME: Final = re.compile(r"[A-Za-z0-9_.@+-]{3,60}")
_EMAIL_CHARACTERS_MAX: Final = 254  # RFC 5321, 4.5.3.1.3, and the width of the column


class BadUsername(errors.Refused):
    code = "bad_username"

    def __init__(self) -> None:
        super().__init__("A username has 3 to 60 letters (a-z), digits or any of _ . @ + -")


class UsernameTaken(errors.Refused):
    code = "username_taken"

    def __init__(self, *, username: str) -> None:
        self.username = username
        super().__init__(f'The username "{username}" is taken. Choose another one.')


class BadEmail(errors.Refused):
    code = "bad_email"

    def __init__(self) -> None:
        super().__init__("This is not an e-mail address. Write it like name@example.com.")


class EmailTaken(errors.Refused):
    code = "email_taken"

    def __init__(self) -> None:
        super().__init__("Somebody uses this e-mail address already.")


class WeakPassword(errors.Refused):
    """`reasons` are sentences for the user."""

    code = "weak_password"

    def __init__(self, *, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__(" ".join(reasons))


class NoSuchUser(errors.Refused):
    code = "no_such_user"

    def __init__(self, *, username: str) -> None:
        self.username = username
        super().__init__(f"There is no user {username[:60]!r}.")


def create(
    *,
    username: str,
    password: str | None,
    now: datetime,
    role: Role = Role.CUSTOMER,
    email: str = "",
) -> User:
    """Return a new user; `password` None: nobody can sign in as this user, the API works.

    Raises BadUsername, BadEmail, WeakPassword, and UsernameTaken and EmailTaken, in any case of
    their letters.
    Money needs an account as well: see ledger.members.enrol.
    """
    check_username(username)
    _check_email(email)
    user = User(username=username, email=email, role=role, joined_at=now)
    _check_password(password, user)
    user.set_password(password)
    return insert(user)


def check_username(username: str) -> None:
    """Raise BadUsername unless it is made of what a name here is made of."""
    if not _USERNAME.fullmatch(username):
        raise BadUsername


def insert(user: User) -> User:
    """Write a new user.  Raises UsernameTaken and EmailTaken."""
    # The indexes decide, not a look beforehand: of two who ask for a name at once, one gets it.
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        if _named(user.username) is not None:
            raise UsernameTaken(username=user.username) from None
        if user.email and _with_email(user.email) is not None:
            raise EmailTaken from None
        raise
    return user


def named(username: str) -> User:
    """Return the user with this name, in any case of its letters.  Raises NoSuchUser."""
    user = _named(username) if _USERNAME.fullmatch(username) else None
    if user is None:
        raise NoSuchUser(username=username)
    return user


def suspend(user: User) -> None:
    """Shut the user out, pages and API alike; orders already placed go on."""
    user.is_active = False
    user.save(update_fields=["is_active"])


def resume(user: User) -> None:
    user.is_active = True
    user.save(update_fields=["is_active"])


def _check_email(email: str) -> None:
    if not email:
        return
    try:
        validate_email(email)
    except ValidationError:
        raise BadEmail from None
    if len(email) > _EMAIL_CHARACTERS_MAX:
        raise BadEmail


def _check_password(password: str | None, user: User) -> None:
    if password is None:
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(reasons=error.messages) from None


def _named(username: str) -> User | None:
    # In the words of the index that keeps a name from being taken twice, so that it is used.
    return User.objects.filter(Exact(Lower("username"), username.lower())).first()


def _with_email(email: str) -> User | None:
    return User.objects.filter(Exact(Lower("email"), email.lower())).exclude(email="").first()
