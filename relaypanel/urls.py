from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", include("relaypanel.dashboard.urls")),
    path("", include("relaypanel.staff.urls")),
    # allauth's overview of second factors: ours shows more.
    path("account/2fa/", RedirectView.as_view(pattern_name="dashboard:security")),
    path("adminapi/v2/", include("relaypanel.adminapi.urls")),
    path("account/", include("allauth.urls")),
]
