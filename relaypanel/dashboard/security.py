"""How an account is kept safe: password, second factor, passkeys, sessions, and who signed in."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from relaypanel import clock
from relaypanel.accounts import sign_ins
from relaypanel.accounts.models import SignInHow
from relaypanel.look.keyset import before_id
from relaypanel.look.page import PageRequest

_SHOWN_HERE = 5
_CODES = Authenticator.Type.RECOVERY_CODES


@login_required
@require_GET
def overview(request: PageRequest) -> HttpResponse:
    user = request.user
    factors = list(Authenticator.objects.filter(user=user).order_by("created_at", "id"))
    app, passkeys, codes = (
        [one for one in factors if one.type == kind]
        for kind in (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN, _CODES)
    )
    latest = sign_ins.page(user_id=user.pk, now=clock.now(), limit=_SHOWN_HERE)
    context = {
        "app": app[0] if app else None,
        "passkeys": passkeys,
        "has_codes": bool(codes),
        "codes_left": len(codes[0].wrap().get_unused_codes()) if codes else 0,
        "has_second_factor": bool(app or passkeys),
        "email": EmailAddress.objects.filter(user=user, primary=True).first(),
        "sessions": UserSession.objects.filter(user=user).count(),
        "sign_ins": latest.sign_ins,
    }
    return render(request, "dashboard/security/page.html", context)


@login_required
@require_GET
def history(request: PageRequest) -> HttpResponse:
    found = sign_ins.page(user_id=request.user.pk, now=clock.now(), before=before_id(request))
    context = {"sign_ins": found.sign_ins, "before": found.before}
    return render(request, "dashboard/security/history.html", context)


def note(request: HttpRequest, *, user_id: int, how: SignInHow, succeeded: bool) -> None:
    """Write that somebody signed in as this user, or failed to, by this request."""
    sign_ins.record(
        user_id=user_id,
        how=how,
        succeeded=succeeded,
        address=get_adapter().get_client_ip(request),
        user_agent=request.META.get("HTTP_USER_AGENT", ""),
        now=clock.now(),
    )
