"""A browser without a screen: Django's client, signed in as one of the cast."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from relaypanel import clock
from relaypanel.accounts.models import User

# What each page of a user costs before its own: the session, the user, and what waits in the
# frame: the balance, tickets and notices.
FRAME_QUERIES = 7
PASSWORD = "correct horse battery"


def signed_in(user: User, *, lately: bool = True) -> Client:
    """Return a client with this user's session.

    `lately`: the password was given a moment ago, so that nothing asks for it again.
    """
    client = Client()
    client.force_login(user)
    if lately:
        session = client.session
        session["account_authentication_methods"] = [
            {"method": "password", "at": clock.now().timestamp(), "reauthenticated": True}
        ]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()
    return client


def queries(client: Client, path: str) -> int:
    """Return how many queries a page takes."""
    # The first page of a session notes the browser.
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def with_password(user: User) -> User:
    """Give one of the cast, who have none, the password of the tests."""
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return user
