"""The addresses: the application's pages, and a few for machines."""

from django.urls import include, path
from django.views.generic import RedirectView

from opportunities.views import health

urlpatterns = [
    path("", RedirectView.as_view(url="/board/"), name="home"),
    # Machines
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    # People
    path("", include("opportunities.urls")),
]

handler400 = "opportunities.views.errors.bad_request"
handler403 = "opportunities.views.errors.forbidden"
handler404 = "opportunities.views.errors.not_found"
handler500 = "opportunities.views.errors.server_error"
