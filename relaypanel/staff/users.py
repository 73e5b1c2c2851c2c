"""Users: found, made, shut out; what is agreed with them, and their money."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from relaypanel import clock, errors, money
from relaypanel.accounts import audit_log, people, rights
from relaypanel.accounts.models import Role, Section, StaffRole, User
from relaypanel.accounts.people import Wanted
from relaypanel.catalogue import agreed
from relaypanel.ledger import adjust, journal, members
from relaypanel.ledger.models import AdjustmentState
from relaypanel.look.keyset import before_id, next_page
from relaypanel.look.numbers import number
from relaypanel.orders import finder
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest
from relaypanel.staff.templatetags.desk import ROLES
from relaypanel.storefront import profile

_SESSIONS_SHOWN: Final = 20
_MOVEMENTS_SHOWN: Final = 20


class Filter(forms.Form):
    q = forms.CharField(label=gettext_lazy("Name, e-mail or ID"), required=False, max_length=254)
    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        required=False,
        choices=[("", gettext_lazy("Any")), *ROLES.items()],
    )
    state = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[
            ("", gettext_lazy("Any")),
            ("active", pgettext_lazy("user", "Active")),
            ("suspended", pgettext_lazy("user", "Suspended")),
        ],
    )


class NewUser(forms.Form):
    username = forms.CharField(
        label=gettext_lazy("Username"),
        max_length=60,
        help_text=gettext_lazy("3 to 60 letters a–z, digits or any of _ . @ + -"),
    )
    email = forms.CharField(label=gettext_lazy("E-mail"), required=False, max_length=254)
    password = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Empty: they use the API alone, or ask for a password by e-mail."),
    )


@require_GET
def page(request: DeskRequest) -> HttpResponse:
    form = Filter(request.GET)
    found = people.page(_wanted(form), before_id=before_id(request)) if form.is_valid() else []
    rows = found[: people.PAGE]
    context = {
        "form": form,
        "people": rows,
        "waiting": adjust.waiting() if request.rights.may_view(Section.MONEY) else [],
        "is_filtered": any(request.GET.get(name) for name in form.fields),
        "next_page": next_page(request, rows, more=len(found) > len(rows)),
    }
    return render(request, "staff/users/page.html", context)


def new(request: DeskRequest) -> HttpResponse:
    form = NewUser(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            user = members.enrol_by_staff(
                username=told["username"],
                email=told["email"],
                password=told["password"] or None,
                by=request.actor,
                now=clock.now(),
            )
        except errors.Refused as refused:
            form.add_error(_field(refused.code), refusals.words(refused))
        else:
            messages.success(request, _("The account is there."))
            return redirect("staff:user", user_id=user.pk)
    return render(request, "staff/users/new.html", {"form": form})


@require_GET
def one(request: DeskRequest, user_id: int) -> HttpResponse:
    user = _found(user_id)
    sees_money = request.rights.may_view(Section.MONEY)
    of_user = audit_log.Wanted(subject_kind="user", subject_id=str(user_id))
    context = {
        "person": user,
        "api_key": people.live_key(user),
        "orders": finder.page(finder.Wanted(user_id=user_id))[:10],
        "rates": agreed.of_user(user_id) if sees_money else [],
        "movements": journal.page(journal.Wanted(user_id=user_id), limit=_MOVEMENTS_SHOWN)
        if sees_money
        else [],
        "adjustments": adjust.of_user(user_id) if sees_money else [],
        "sessions": UserSession.objects.filter(user=user).order_by("-pk")[:_SESSIONS_SHOWN],
        "entries": audit_log.page(of_user)[:20]
        if request.rights.may_view(Section.AUDIT_LOG)
        else [],
        "staff_roles": StaffRole.objects.order_by("name"),
        "roles": ROLES.items(),
        "is_owner": request.user.role == Role.OWNER,
        "alone_max_e8": profile.current().adjust_alone_max_e8,
    }
    return render(request, "staff/users/one.html", context)


@require_POST
def suspend(request: DeskRequest, user_id: int) -> HttpResponse:
    reason = request.POST.get("reason", "")
    return _act(
        request,
        user_id,
        lambda: people.suspend(user_id=user_id, reason=reason, by=request.actor, now=clock.now()),
        _("Nobody can sign in or call the API as this user any more."),
    )


@require_POST
def resume(request: DeskRequest, user_id: int) -> HttpResponse:
    return _act(
        request,
        user_id,
        lambda: people.resume(user_id=user_id, by=request.actor, now=clock.now()),
        _("The user may come back."),
    )


@require_POST
def new_key(request: DeskRequest, user_id: int) -> HttpResponse:
    return _act(
        request,
        user_id,
        lambda: people.revoke_key(user_id=user_id, by=request.actor, now=clock.now()),
        _("The old key is dead. The user finds the new one on the API page."),
    )


@require_POST
def limit(request: DeskRequest, user_id: int) -> HttpResponse:
    text = request.POST.get("calls", "").strip()
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        messages.error(request, _("Calls in a minute are a whole number; empty: as everybody."))
        return redirect("staff:user", user_id=user_id)
    return _act(
        request,
        user_id,
        lambda: people.limit_calls(
            user_id=user_id,
            calls_per_minute=int(text) if text else None,
            by=request.actor,
            now=clock.now(),
        ),
        _("The limit is kept."),
    )


@require_POST
def appoint(request: DeskRequest, user_id: int) -> HttpResponse:
    role, staff_role = request.POST.get("role", ""), request.POST.get("staff_role", "")
    if role not in Role.values:
        messages.error(request, _("Choose a role."))
        return redirect("staff:user", user_id=user_id)
    return _act(
        request,
        user_id,
        lambda: rights.appoint(
            user_id=user_id,
            role=Role(role),
            staff_role_id=number(staff_role) or 0,
            by=request.actor,
            now=clock.now(),
        ),
        _("The role is given."),
    )


@require_POST
def discount(request: DeskRequest, user_id: int) -> HttpResponse:
    percent = request.POST.get("percent", "")
    return _act(
        request,
        user_id,
        lambda: agreed.set_discount(
            user_id=user_id, percent=percent, by=request.actor, now=clock.now()
        ),
        _("The discount is kept."),
    )


@require_POST
def rate(request: DeskRequest, user_id: int) -> HttpResponse:
    return _act(
        request,
        user_id,
        lambda: agreed.set_rate(
            user_id=user_id,
            service_id=number(request.POST.get("service", "").strip()) or 0,
            rate=request.POST.get("rate", ""),
            by=request.actor,
            now=clock.now(),
        ),
        _("The rate is kept."),
    )


@require_POST
def copy_rates(request: DeskRequest, user_id: int) -> HttpResponse:
    username = request.POST.get("username", "")
    return _act(
        request,
        user_id,
        lambda: agreed.copy_rates(
            user_id=user_id, username=username, by=request.actor, now=clock.now()
        ),
        _("The user has the same rates of their own now."),
    )


@require_POST
def reset_rates(request: DeskRequest, user_id: int) -> HttpResponse:
    return _act(
        request,
        user_id,
        lambda: agreed.reset_rates(user_id=user_id, by=request.actor, now=clock.now()),
        _("The user pays what everybody pays, less the discount."),
    )


@require_POST
def adjustment(request: DeskRequest, user_id: int) -> HttpResponse:
    """Give or take money: up to the limit at once, above it when a second person agrees."""
    sign = -1 if request.POST.get("way") == "take" else 1
    try:
        amount_e8 = sign * money.parse(request.POST.get("amount", "").strip())
    except ValueError:
        messages.error(request, _("An amount is a number with at most eight decimals, like 12.5."))
        return redirect("staff:user", user_id=user_id)
    alone_max_e8 = profile.current().adjust_alone_max_e8
    alone = abs(amount_e8) <= alone_max_e8
    return _act(
        request,
        user_id,
        lambda: adjust.ask(
            user_id=user_id,
            amount_e8=amount_e8,
            reason=request.POST.get("reason", ""),
            alone_max_e8=alone_max_e8,
            by=request.actor,
            now=clock.now(),
        ),
        _("The balance is adjusted.") if alone else _("It waits for a second person."),
    )


@require_POST
def decide_adjustment(request: DeskRequest, adjustment_id: int) -> HttpResponse:
    approve = request.POST.get("verdict") == "approve"
    try:
        done = adjust.decide(
            adjustment_id=adjustment_id, approve=approve, by=request.actor, now=clock.now()
        )
    except adjust.NoSuchAdjustment:
        raise Http404 from None
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        is_done = done.state == AdjustmentState.DONE
        words = _("The balance is adjusted.") if is_done else _("It is rejected.")
        messages.success(request, words)
    return redirect("staff:users")


def _wanted(form: Filter) -> Wanted:
    told = form.cleaned_data
    return Wanted(
        text=told["q"].strip(),
        role=Role(told["role"]) if told["role"] else None,
        is_active=told["state"] == "active" if told["state"] else None,
    )


def _found(user_id: int) -> User:
    user = people.one(user_id)
    if user is None:
        raise Http404
    return user


def _act(request: DeskRequest, user_id: int, act: Callable[[], Any], done: str) -> HttpResponse:
    _found(user_id)
    try:
        act()
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        messages.success(request, done)
    return redirect("staff:user", user_id=user_id)


def _field(code: str) -> str:
    return {"weak_password": "password"}.get(code, "email" if "email" in code else "username")
