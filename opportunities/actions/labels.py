"""Labels: the words a person saw for the ids they sent, kept because Slant may rename them later."""

from typing import Any

from opportunities.deal_fields import Fields
from opportunities.delivery.kinds import NewDeal
from opportunities.models import Book, Household, Member, Pipeline, Stage


def labels_of_deal(deal: NewDeal, book: Book) -> dict[str, Any]:
    """The words for the ids of a new deal."""
    household = Household.objects.filter(pk=deal.household_id).first()
    pipeline = Pipeline.objects.filter(pk=deal.pipeline_id).first()
    stage = Stage.objects.filter(pk=deal.pipeline_stage_id).first()
    owner = Member.objects.filter(book=book, user_id=deal.assigned_to_id).first()
    labels: Fields = {
        "book": book.name,
        "household": household.name if household else "",
        "household_kind": household.kind if household else "",
        "pipeline": pipeline.name if pipeline else "",
        "stage": stage.name if stage else "",
        "owner": owner.name if owner else "",
    }
    return labels


def labels_of_changes(new_values: Fields, book: Book) -> dict[str, Any]:
    """The words for the ids among the new values of a change."""
    labels = {}
    if id := new_values.get("pipeline_stage_id"):
        labels["stage"] = Stage.objects.filter(pk=id).values_list("name", flat=True).first() or ""
    if id := new_values.get("household_id"):
        labels["household"] = Household.objects.filter(pk=id).values_list("name", flat=True).first() or ""
    if id := new_values.get("assigned_to_id"):
        owner = Member.objects.filter(book=book, user_id=id).first()
        labels["owner"] = owner.name if owner else ""
    return labels
