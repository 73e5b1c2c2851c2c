from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("relaypanel.dashboard.urls")),
    path("", include("relaypanel.staff.urls")),
    path("account/", include("allauth.urls")),
]
