"""The table of contents of what people can open. Name = view."""

from django.urls import path

app_name = "opportunities"

urlpatterns = []  # type: ignore[var-annotated]
