"""Adjusts what was typed into the form for a new opportunity, before it is sent, so that the choices fit
together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from opportunities.offer import Offer, PipelineChoice
from opportunities.wording import create as create_words


@dataclass
class Adjusted:
    values: dict[str, str]
    hints: dict[str, str] = field(default_factory=dict)


def adjust(typed: Mapping[str, str], offer: Offer, changed: frozenset[str] = frozenset()) -> Adjusted:
    """Keep what was typed; replace only a choice that no longer fits what was changed, and say so.

    `changed` names the fields that the person changed last. These are never replaced.
    """
    result = Adjusted(dict(typed))
    values = result.values
    values["book_id"] = _book_id(typed, offer)
    household = offer.household_of_book
    values["household_id"] = household.id if household else ""
    if offer.household_elsewhere and offer.household:
        result.hints["household_id"] = create_words.HOUSEHOLD_LEFT_BEHIND.format(
            household=offer.household.name
        )
    if household:
        values["q"] = ""
    pipeline = _pipeline(result, typed, offer, changed)
    values["pipeline_id"] = pipeline.id if pipeline else ""
    stage = pipeline and (pipeline.stage(typed.get("pipeline_stage_id", "")) or pipeline.first_stage)
    values["pipeline_stage_id"] = stage.id if stage else ""
    values["assigned_to_id"] = _owner_id(typed, offer)
    suggestion = household.suggested_name if household else ""
    if typed.get("name", "") in ("", typed.get("name_suggested", "")):
        values["name"] = suggestion
    values["name_suggested"] = suggestion
    return result


def _book_id(typed: Mapping[str, str], offer: Offer) -> str:
    """The chosen book's id. A read-only book stays chosen, so that the form can say that it is."""
    if offer.book:
        return offer.book.id
    return typed.get("book_id", "") if offer.read_only_book else ""


def _owner_id(typed: Mapping[str, str], offer: Offer) -> str:
    """The chosen owner if they may own deals here, else the person themselves."""
    owner = offer.owner(typed.get("assigned_to_id", ""))
    if owner is None or not owner.may_write:
        owner = offer.me
    return owner.id if owner else ""


def _pipeline(
    result: Adjusted, typed: Mapping[str, str], offer: Offer, changed: frozenset[str]
) -> PipelineChoice | None:
    if typed.get("pipeline_id") == "":
        return None
    chosen = offer.pipeline(typed.get("pipeline_id", ""))
    if chosen is None:
        return offer.default_pipeline()
    household = offer.household_of_book
    if chosen.takes(household) or "pipeline_id" in changed or household is None:
        return chosen
    fitting = offer.default_pipeline()
    if fitting:
        result.hints["pipeline_id"] = create_words.PIPELINE_SWITCHED.format(
            pipeline=fitting.name, household=household.name, kind=household.kind
        )
    return fitting
