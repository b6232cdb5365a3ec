"""The front door: the app's own pages, and the few addresses a machine asks."""

from django.urls import include, path

urlpatterns = [
    path("", include("opportunities.urls")),
]
