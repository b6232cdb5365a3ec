"""What `make bench` measures: one line a row. To measure another page, add a `Row`; nothing else knows their
names.

`aim` is what the design promises, as a multiple of the row's own floor, and so are MOST_QUERIES; `limit` and
`most_queries` are what fails the run, so that nothing gets slower unseen. `flat` rows must not take more than
FLATTEST times as long at the most deals as at the fewest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

FLATTEST = 1.3
MOST_QUERIES = 10
MOST_BYTES = 30 * 1024  # of a page, compressed
FRAGMENT_BYTES = 15 * 1024

HTMX = {"HX-Request": "true"}
REPORTS = ("overview", "forecast", "changes", "ageing", "funnel", "owners", "data-quality", "velocity")
OF_BOARD = "pipeline=pl_growth"


@dataclass(frozen=True)
class Row:
    """A request. In `path` and `form`, names in braces are filled in from the firm and from the board's own
    page.
    """

    name: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    status: int = 200
    aim: float | None = None
    limit: float | None = None
    flat: bool = False
    most_queries: int = MOST_QUERIES
    most_bytes: int = MOST_BYTES
    crowd: bool = False


ROWS = (
    Row("board page", f"/board/?{OF_BOARD}", aim=3, limit=40, flat=True, crowd=True),
    Row(
        "column window",
        "/board/pl_growth/pl_growth_1/",
        headers=HTMX,
        limit=30,
        flat=True,
        most_bytes=FRAGMENT_BYTES,
    ),
    Row(
        "move",
        "/opportunities/{deal}/move/",
        headers=HTMX,
        form={
            "pipeline_stage_id": "pl_growth_3",
            "seen_pipeline_stage_id": "{stage}",
            "form_token": "{token}",
            "row": "{number}",
        },
        limit=30,
        flat=True,
        most_queries=40,  # it writes the submission, its event and the trail's head, and shows the card
        most_bytes=FRAGMENT_BYTES,
    ),
    Row(
        "changes poll",
        f"/board/changes/?{OF_BOARD}&since={{since}}",
        headers=HTMX,
        status=204,
        aim=2,
        limit=10,
        flat=True,
        crowd=True,
    ),
    Row("create form", "/opportunities/new/", limit=40, flat=True),
    Row("type-ahead", "/households/?q=castillo&book_id=bk_harbor", headers=HTMX, limit=20),
    Row("list view", f"/board/?view=list&{OF_BOARD}", limit=60, flat=True),
    # Nine for a deal nobody changed, twelve with all there can be; the first look at it is written into the
    # trail.
    Row("opportunity page", "/opportunities/{deal}/", limit=40, flat=True, most_queries=18),
    Row("audit trail", "/audit/", limit=60, most_queries=12),
    # A report's own queries are at most twelve; who asks and what surrounds every page are six more.
    *(Row(slug, f"/reports/{slug}/", aim=3, limit=30, most_queries=18) for slug in REPORTS),
)
