"""The table of contents of what people can open. Name = view."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from opportunities.views import (
    audit,
    back_channel,
    board,
    bulk,
    create,
    demo,
    health,
    households,
    listing,
    moving,
    opportunity,
    people,
    reports,
    review,
    sessions,
    shell,
    sign_in,
    stages,
    submissions,
)

app_name = "opportunities"


class SlantId(StringConverter):
    """An id of Slant's: opaque, at most 200 characters, without slash, space or control character (S14)."""

    regex = r"[^/\x00-\x20\x7f]{1,200}"


register_converter(SlantId, "slant_id")

urlpatterns = [
    # Signing in and out
    path("sign-in/", sign_in.sign_in, name="sign_in"),
    path("sign-in/callback/", sign_in.sign_in_callback, name="sign_in_callback"),
    path("sign-in/back-channel-logout/", back_channel.back_channel_logout, name="back_channel_logout"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("signed-out/", sign_in.signed_out, name="signed_out"),
    path("session/", sign_in.session, name="session"),
    path("demo/sign-in/", demo.demo_sign_in, name="demo_sign_in"),
    path("demo/misbehave/", demo.demo_misbehave, name="demo_misbehave"),
    # Entering an opportunity
    path("opportunities/new/", create.new, name="new"),
    path("opportunities/new/fields/", create.new_fields, name="new_fields"),
    path("households/", households.households, name="households"),
    # The board
    path("board/", board.board, name="board"),
    path("board/changes/", board.board_changes, name="board_changes"),
    path("board/filters/", board.board_filters, name="board_filters"),
    path("board/views/", board.board_views, name="board_views"),
    path("board/<slant_id:pipeline>/<slant_id:stage>/", board.board_lane, name="board_lane"),
    # Many deals, and one
    path("opportunities/bulk/", bulk.bulk, name="bulk"),
    path("opportunities.csv", listing.csv, name="csv"),
    path("opportunities.xlsx", listing.xlsx, name="xlsx"),
    path("opportunities/<slant_id:id>/", opportunity.opportunity, name="opportunity"),
    path("opportunities/<slant_id:id>/edit/", opportunity.edit, name="edit"),
    path("opportunities/<slant_id:id>/move/", moving.move, name="move"),
    # Submissions
    path("submissions/", submissions.submissions, name="submissions"),
    path("submissions/told/", submissions.dismiss_news, name="dismiss_news"),
    path("submissions/review/", review.submissions_review, name="submissions_review"),
    path("submissions/<uuid:id>/", submissions.submission, name="submission"),
    path("submissions/<uuid:id>/withdraw/", submissions.withdraw, name="withdraw"),
    path("submissions/<uuid:id>/still-send/", submissions.still_send, name="still_send"),
    path("submissions/<uuid:id>/decide/", review.decide, name="decide"),
    path("settings/sending/", review.sending, name="sending"),
    path("settings/stages/", stages.stages, name="stages"),
    # The trail
    path("audit/", audit.audit, name="audit"),
    path("audit/export/", audit.audit_export, name="audit_export"),
    # Reports
    path("reports/", reports.reports, name="reports"),
    path("reports/<slug:slug>/", reports.report, name="report"),
    path("reports/<slug:slug>.csv", reports.report_csv, name="report_csv"),
    path("reports/<slug:slug>.xlsx", reports.report_xlsx, name="report_xlsx"),
    path("settings/targets/", reports.targets, name="targets"),
    # What surrounds every page
    path("freshness/", shell.freshness, name="freshness"),
    path("settings/people/", people.people, name="people"),
    path("settings/people/end-sessions/", sessions.end_sessions, name="end_sessions"),
    path("settings/sessions/", sessions.sessions, name="sessions"),
    path("settings/mine/", shell.preferences, name="preferences"),
    # Browsers' reports
    path("csp-report/", health.csp_report, name="csp_report"),
]
