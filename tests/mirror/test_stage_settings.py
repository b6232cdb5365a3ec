"""Managers say what stages mean; the suggestion follows the name until they do."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from opportunities.mirror import meanings, totals
from opportunities.models import AuditEvent, Meaning, Person, Stage, StageMeaning, StageTotal
from opportunities.selectors.stages import meaning, with_meanings
from tests.support.people import Firm

PAGE = "/settings/stages/"


def browse(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def send(person: Person, **form: Any) -> Any:
    return browse(person).post(PAGE, {"stage": "st_qualified", "meaning": "", "stale_after_days": ""} | form)


@pytest.fixture
def stages(firm: Firm) -> Firm:
    meanings.suggest(Stage.objects.all())
    return firm


def test_the_page_shows_every_stage_with_what_its_name_suggests(stages: Firm, manager: Person) -> None:
    page = browse(manager).get(reverse("opportunities:stages")).text

    for stage in Stage.objects.all():
        assert f'data-stage="{stage.pk}"' in page
    assert "Automatic (Archived)" in page
    assert 'href="/settings/stages/"' in page


def test_what_a_manager_sets_is_kept_told_and_not_overwritten(stages: Firm, manager: Person) -> None:
    totals.lock()
    StageTotal.objects.create(
        pipeline_id="pl_prospects", stage_id="st_qualified", book_id="bk_harbor", count=1
    )

    response = send(manager, meaning="won", stale_after_days="14")

    assert (response.status_code, response["Location"]) == (303, PAGE)
    row = StageMeaning.objects.get(pk="st_qualified")
    assert (row.meaning, row.stale_after_days, row.set_by) == (Meaning.WON, 14, manager.display)
    event = AuditEvent.objects.get(action="stage.set")
    assert (event.actor_sub, event.object_id) == (manager.sub, "st_qualified")
    assert event.before == {"meaning": "open", "chosen": False, "stale_after_days": None}
    assert event.after == {"meaning": "won", "chosen": True, "stale_after_days": 14}
    assert StageTotal.objects.get(stage_id="st_qualified").revision > 0, "open boards are told"
    meanings.suggest(Stage.objects.all())
    assert meaning(with_meanings(Stage.objects.all()).get(pk="st_qualified")) == Meaning.WON


def test_a_choice_taken_back_leaves_it_to_the_name(stages: Firm, manager: Person) -> None:
    send(manager, meaning="lost")
    send(manager, meaning="")

    row = StageMeaning.objects.get(pk="st_qualified")
    assert (row.meaning, row.set_by) == (Meaning.OPEN, "")


def test_the_same_again_is_no_event(stages: Firm, manager: Person) -> None:
    send(manager, stale_after_days="10")
    page = send(manager, stale_after_days="10")

    assert page.status_code == 303
    assert AuditEvent.objects.filter(action="stage.set").count() == 1


@pytest.mark.parametrize(
    "form",
    [{"stale_after_days": "0"}, {"stale_after_days": "soon"}, {"meaning": "maybe"}, {"stage": "st_no"}],
)
def test_a_wrong_value_changes_nothing_and_says_what_to_do(
    stages: Firm, manager: Person, form: dict[str, str]
) -> None:
    response = send(manager, **form)

    assert response.status_code == 422
    assert "There is a problem" in response.text
    assert not AuditEvent.objects.filter(action="stage.set").exists()


def test_others_may_neither_look_nor_set(stages: Firm, owner: Person, compliance: Person) -> None:
    for person in (owner, compliance):
        assert browse(person).get(PAGE).status_code == 403
        assert send(person, meaning="won").status_code == 403
    assert not StageMeaning.objects.exclude(set_by="").exists()
