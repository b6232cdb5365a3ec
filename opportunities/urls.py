"""The table of contents of what people can open. Name = view."""

from django.urls import path

from opportunities.views import demo, health, signing_in

app_name = "opportunities"

urlpatterns = [
    # Coming in and going out
    path("sign-in/", signing_in.sign_in, name="sign_in"),
    path("sign-out/", signing_in.sign_out, name="sign_out"),
    path("signed-out/", signing_in.signed_out, name="signed_out"),
    path("demo/sign-in/", demo.demo_sign_in, name="demo_sign_in"),
    path("demo/misbehave/", demo.demo_misbehave, name="demo_misbehave"),
    # Browsers' reports
    path("csp-report/", health.csp_report, name="csp_report"),
]
