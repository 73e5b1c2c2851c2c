"""Browsers of the desk's tests: who is signed in, with which rights."""

from __future__ import annotations

from collections.abc import Mapping

from allauth.account.internal.flows import login
from allauth.mfa.models import Authenticator
from django.test import Client

from relaypanel.accounts import rights, users
from relaypanel.accounts.audit_log import CONSOLE
from relaypanel.accounts.models import Role, Section, User
from relaypanel.accounts.rights import NOTHING, Level
from relaypanel.ledger import members
from tests import cast


def signed_in(user: User, *, second_factor: bool = True) -> Client:
    if second_factor:
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "x"})
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def owner(username: str = "dora") -> Client:
    return signed_in(person(username, Role.OWNER))


def staff(username: str = "carol", levels: Mapping[Section, Level] = NOTHING.levels) -> Client:
    """Return a browser of somebody with these rights."""
    role = rights.save_role(
        name=f"role of {username}",
        levels=levels,
        by=CONSOLE,
        now=cast.NOW,
        role_id=None,
    )
    return signed_in(person(username, Role.STAFF, staff_role_id=role.pk))


def person(username: str, role: Role, *, staff_role_id: int | None = None) -> User:
    members.enrol(username=username, password=None, role=Role.CUSTOMER, now=cast.NOW)
    return rights.appoint(
        user_id=users.named(username).pk,
        role=role,
        staff_role_id=staff_role_id,
        by=CONSOLE,
        now=cast.NOW,
    )


def reauthenticated(client: Client) -> Client:
    """Let the browser's person have said a moment ago who they are."""
    session = client.session
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = session["_auth_user_id"]
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "password", "at": 2**40, "reauthenticated": True}
    ]
    session.save()
    return client
