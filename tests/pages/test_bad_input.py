"""Each kind of bad input, with the sentence that stands at its field."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from opportunities.models import Person, Submission
from opportunities.wording import fields as fields_words
from opportunities.wording import formats

from .conftest import Fill, Page, in_days

pytestmark = pytest.mark.django_db
NEW = "/opportunities/new/"
Browse = Callable[[Person], Client]

TODAY = formats.long_day(datetime.now(UTC).date())
BAD = [
    ("book_id", {"book_id": ""}, fields_words.BOOK_MISSING),
    ("book_id", {"book_id": None}, fields_words.BOOK_MISSING),
    ("book_id", {"book_id": "bk_none"}, fields_words.BOOK_UNKNOWN),
    ("book_id", {"book_id": "bk_summit"}, fields_words.BOOK_UNKNOWN),
    ("book_id", {"book_id": "bk_archive"}, fields_words.BOOK_READ_ONLY.format(book="Archive")),
    ("name", {"name": ""}, fields_words.NAME_MISSING),
    ("name", {"name": "   "}, fields_words.NAME_MISSING),
    ("name", {"name": "x" * 256}, fields_words.NAME_TOO_LONG.format(length=256)),
    ("name", {"name": "Ok\x00onkwo"}, fields_words.NAME_UNPRINTABLE),
    ("value", {"value": "-1"}, fields_words.VALUE_NEGATIVE),
    ("value", {"value": "1.5"}, fields_words.VALUE_NOT_WHOLE),
    ("value", {"value": "lots"}, fields_words.VALUE_NOT_A_NUMBER),
    ("value", {"value": "2000000001"}, fields_words.VALUE_TOO_LARGE),
    ("probability", {"probability": "101"}, fields_words.PROBABILITY_OUT_OF_RANGE),
    ("probability", {"probability": "7.5"}, fields_words.PROBABILITY_OUT_OF_RANGE),
    ("probability", {"probability": "-1"}, fields_words.PROBABILITY_OUT_OF_RANGE),
    ("target_close_date", {"target_close_date": in_days(0)}, fields_words.DATE_NOT_AHEAD.format(today=TODAY)),
    (
        "target_close_date",
        {"target_close_date": "2020-01-01"},
        fields_words.DATE_NOT_AHEAD.format(today=TODAY),
    ),
    (
        "target_close_date",
        {"target_close_date": "22/01/2027"},
        fields_words.DATE_UNREADABLE.format(example=in_days(60)),
    ),
    (
        "target_close_date",
        {"target_close_date": "2027-02-30"},
        fields_words.DATE_UNREADABLE.format(example=in_days(60)),
    ),
    (
        "pipeline_id",
        {"pipeline_id": "", "pipeline_stage_id": "", "household_id": ""},
        fields_words.NO_WAY_TO_A_PIPELINE,
    ),
    ("pipeline_id", {"pipeline_id": "pl_none", "pipeline_stage_id": ""}, fields_words.PIPELINE_UNKNOWN),
    ("pipeline_id", {"pipeline_id": "pl_summit", "pipeline_stage_id": ""}, fields_words.PIPELINE_UNKNOWN),
    ("pipeline_type", {"pipeline_type": "rich"}, fields_words.PIPELINE_TYPE_UNKNOWN),
    (
        "pipeline_stage_id",
        {"pipeline_stage_id": "st_proposal"},
        fields_words.STAGE_OF_ANOTHER_PIPELINE.format(stage="Proposal", pipeline="New money"),
    ),
    ("pipeline_stage_id", {"pipeline_stage_id": "st_none"}, fields_words.STAGE_UNKNOWN),
    ("pipeline_stage_id", {"pipeline_stage_id": "st_summit"}, fields_words.STAGE_UNKNOWN),
    ("pipeline_stage_id", {"pipeline_id": ""}, fields_words.STAGE_WITHOUT_PIPELINE),
    ("household_id", {"household_id": "hh_none"}, fields_words.HOUSEHOLD_UNKNOWN),
    ("household_id", {"household_id": "hh_alder"}, fields_words.HOUSEHOLD_UNKNOWN),
    ("household_id", {"household_id": "", "q": "okon"}, fields_words.HOUSEHOLD_NOT_PICKED),
    (
        "household_id",
        {"household_id": "hh_rivera"},
        fields_words.HOUSEHOLD_OF_WRONG_KIND.format(
            pipeline="New money", kinds="prospects", household="Rivera", kind="client"
        ),
    ),
    (
        "assigned_to_id",
        {"assigned_to_id": "us_viewer"},
        fields_words.OWNER_READS_ONLY.format(owner="Vera Viewer"),
    ),
    ("assigned_to_id", {"assigned_to_id": "us_outsider"}, fields_words.OWNER_UNKNOWN),
    ("assigned_to_id", {"assigned_to_id": "us_none"}, fields_words.OWNER_UNKNOWN),
]


@pytest.mark.parametrize(("field", "changed", "sentence"), BAD)
def test_bad_input_is_told_at_its_field_and_everything_typed_stays(
    owner: Person, browse: Browse, fill: Fill, field: str, changed: dict[str, str | None], sentence: str
) -> None:
    response = browse(owner).post(NEW, fill(owner, **changed))

    page = Page(response)
    assert response.status_code == 422
    assert not Submission.objects.exists()
    assert page.said(f"{field}-error") == f"Error: {sentence}"
    assert f"#id_{field}" in page.links()
    assert sentence in page.said("error-summary")
    assert page.by_id(f"id_{field}"), "the error leads nowhere"
    assert page.text.count("<title>Error: ") == 1
    kept = fill(owner, **changed)
    for name in ("name", "value", "probability", "target_close_date", "assigned_to_id"):
        assert (
            page.value(name) == kept[name].replace("\x00", "\N{REPLACEMENT CHARACTER}")
            or "\x00" in kept[name]
        )


@pytest.mark.parametrize(
    ("field", "changed", "sentence"),
    [
        (
            "pipeline_id",
            {"book_id": "bk_summit", "pipeline_id": "pl_anyone", "pipeline_stage_id": ""},
            fields_words.PIPELINE_OF_ANOTHER_BOOK.format(pipeline="Referrals", book="Summit"),
        ),
        (
            "household_id",
            {"book_id": "bk_summit", "household_id": "hh_rivera"},
            fields_words.HOUSEHOLD_OF_ANOTHER_BOOK.format(household="Rivera", book="Summit"),
        ),
        ("assigned_to_id", {"assigned_to_id": ""}, fields_words.OWNER_MISSING),
        ("book_id", {"book_id": "bk_archive"}, fields_words.BOOK_READ_ONLY.format(book="Archive")),
    ],
)
def test_what_a_manager_sees_is_called_by_its_name(
    manager: Person, browse: Browse, fill: Fill, field: str, changed: dict[str, str], sentence: str
) -> None:
    page = Page(browse(manager).post(NEW, fill(manager, **changed)))

    assert page.said(f"{field}-error") == f"Error: {sentence}"
    assert not Submission.objects.exists()


def test_with_htmx_only_the_form_comes_back(owner: Person, browse: Browse, fill: Fill) -> None:
    response = browse(owner).post(NEW, fill(owner, name=""), headers={"HX-Request": "true"})

    page = Page(response)
    assert response.status_code == 422
    assert "<html" not in page.text
    assert page.said("name-error") == f"Error: {fields_words.NAME_MISSING}"
