"""How far a new panel is set up: what an owner does first, and what of it is done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from django.conf import settings

from relaypanel.accounts.models import Role, User
from relaypanel.catalogue.models import Markup, Service
from relaypanel.orders.models import Order
from relaypanel.providers.models import Provider


class Step(Enum):
    PROVIDER = "provider"  # a panel upstream that fulfils orders
    PRICES = "prices"  # what is added to its rates
    SERVICES = "services"  # what is sold
    MAIL = "mail"  # letters that leave the panel
    SECOND = "second"  # somebody else of the staff: adjustments take two
    SOLD = "sold"  # the first order


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    step: Step
    is_done: bool


def stages() -> list[Stage]:
    """Return each step in the order in which it is best done."""
    done = {
        Step.PROVIDER: Provider.objects.exists(),
        Step.PRICES: Markup.objects.exists(),
        Step.SERVICES: Service.objects.exists(),
        Step.MAIL: settings.EMAIL_IS_SENT,
        Step.SECOND: User.objects.exclude(role=Role.CUSTOMER).count() > 1,
        Step.SOLD: Order.objects.exists(),
    }
    return [Stage(step=step, is_done=is_done) for step, is_done in done.items()]
