"""Keys of the admin API: made and shown once, listed, revoked.  Owners alone make them."""

from __future__ import annotations

import re
from typing import Final

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST

from relaypanel import clock, errors
from relaypanel.accounts import admin_keys
from relaypanel.accounts.models import AdminKey, Role, Scope, User
from relaypanel.staff import refusals
from relaypanel.staff.gate import DeskRequest

SCOPES: Final = {
    Scope.ORDERS_READ: pgettext_lazy("scope", "Look at orders"),
    Scope.ORDERS_WORK: pgettext_lazy("scope", "Work on orders done by hand"),
    Scope.ORDERS_WRITE: pgettext_lazy("scope", "Move, end and refund orders"),
    Scope.PAYMENTS_READ: pgettext_lazy("scope", "Look at payments"),
    Scope.PAYMENTS_WRITE: pgettext_lazy("scope", "Add money to balances"),
    Scope.USERS_READ: pgettext_lazy("scope", "Look at users"),
    Scope.USERS_WRITE: pgettext_lazy("scope", "Make and change users"),
    Scope.TICKETS_READ: pgettext_lazy("scope", "Read tickets"),
    Scope.TICKETS_WRITE: pgettext_lazy("scope", "Answer tickets"),
}
# Those that open nothing any more stay listed for a while: who had one is worth knowing.
REVOKED_SHOWN: Final = 50
_SERVICES_MAX: Final = 500
_IDS: Final = re.compile(r"[0-9]{1,18}(?:[\s,]+[0-9]{1,18})*", re.ASCII)


class KeyForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("What it is for"), max_length=admin_keys.NAME_CHARACTERS_MAX
    )
    user = forms.ModelChoiceField(
        User.objects.exclude(role=Role.CUSTOMER).filter(is_active=True).order_by("username"),
        label=gettext_lazy("In whose name it acts"),
        help_text=gettext_lazy("It never opens more than this person may do."),
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What it opens"),
        choices=list(SCOPES.items()),
        widget=forms.CheckboxSelectMultiple,
    )
    services = forms.CharField(
        label=gettext_lazy("For a supplier: IDs of the services it works on"),
        required=False,
        max_length=5_000,
        help_text=gettext_lazy("Empty: all. With some it sees their orders alone, and no money."),
    )

    def clean_services(self) -> list[int]:
        text = self.cleaned_data["services"].strip()
        if text and not _IDS.fullmatch(text):
            raise forms.ValidationError(_("Write IDs as numbers with commas between them."))
        ids = {int(number) for number in re.findall(r"[0-9]+", text)}
        if len(ids) > _SERVICES_MAX:
            raise forms.ValidationError(_("These are too many services for one key."))
        return sorted(ids)


def page(request: DeskRequest) -> HttpResponse:
    """List the keys, and make one: its text is in this answer and nowhere else."""
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        text = _issued(request, form)
        if text is not None:
            return _page(request, KeyForm(), text=text)
    return _page(request, form)


@require_POST
def revoke(request: DeskRequest, key_id: int) -> HttpResponse:
    try:
        admin_keys.revoke(key_id, by=request.actor, now=clock.now())
    except errors.Refused as refused:
        messages.error(request, refusals.words(refused))
    else:
        messages.success(request, _("The key opens nothing any more."))
    return redirect("staff:admin-keys")


def _issued(request: DeskRequest, form: KeyForm) -> str | None:
    told = form.cleaned_data
    try:
        _key, text = admin_keys.issue(
            name=told["name"],
            user=told["user"],
            scopes={Scope(scope) for scope in told["scopes"]},
            service_ids=told["services"],
            by=request.actor,
            now=clock.now(),
        )
    except errors.Refused as refused:
        form.add_error(refusals.field(refused, form), refusals.words(refused))
        return None
    return text


def _page(request: DeskRequest, form: KeyForm, *, text: str = "") -> HttpResponse:
    keys = admin_keys.listed()
    context = {
        "form": form,
        "text": text,
        "live": [(key, _opened(key)) for key in keys if key.revoked_at is None],
        "revoked": [key for key in keys if key.revoked_at is not None][:REVOKED_SHOWN],
        "is_owner": request.user.role == Role.OWNER,
    }
    return render(request, "staff/admin_keys/page.html", context)


def _opened(key: AdminKey) -> list[str]:
    return [str(words) for scope, words in SCOPES.items() if scope.value in key.scopes]
