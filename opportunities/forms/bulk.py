"""The chosen deals and the change to make, as the list or a script sends them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime

from opportunities.actions.bulk import ROW_LIMIT, BulkRequest, unique_ids
from opportunities.forms.move import LostReasonField
from opportunities.forms.selection import CONTROL, LONGEST, TextParameter
from opportunities.offer import OwnerChoice, PipelineChoice, StageChoice
from opportunities.wording import bulk as bulk_words

STAGE, OWNER = "stage", "owner"


class ManyIds(forms.Field):
    """A parameter that comes once for each deal. Too many values and no value are different errors."""

    widget: type[forms.Widget] = forms.MultipleHiddenInput

    def clean(self, value: Any) -> tuple[str, ...]:
        typed = (CONTROL.sub("", str(id)).strip()[:LONGEST] for id in value or [])
        ids = unique_ids(id for id in typed if id)
        if not ids:
            raise forms.ValidationError(bulk_words.NOTHING_CHOSEN)
        if len(ids) > ROW_LIMIT:
            raise forms.ValidationError(bulk_words.TOO_MANY.format(most=ROW_LIMIT, count=len(ids)))
        return ids


class BulkForm(forms.Form):
    """`pipelines` with their stages and `owners` are what this person may choose for the chosen deals."""

    id = ManyIds(required=False)
    pipeline_stage_id = TextParameter()
    assigned_to_id = TextParameter()
    lost_reason = LostReasonField()
    ask = TextParameter()
    shown_at = TextParameter()
    form_token = TextParameter()

    def __init__(
        self,
        data: Mapping[str, Any],
        *,
        pipelines: tuple[PipelineChoice, ...] = (),
        owners: tuple[OwnerChoice, ...] = (),
    ) -> None:
        super().__init__(data)
        self.pipelines, self.owners = pipelines, owners

    def typed(self, name: str) -> str:
        return str(self.data.get(name, ""))

    @property
    def stage(self) -> StageChoice | None:
        id = str(self.data.get("pipeline_stage_id", ""))
        return next((stage for pipeline in self.pipelines if (stage := pipeline.stage(id))), None)

    @property
    def owner(self) -> OwnerChoice | None:
        id = str(self.data.get("assigned_to_id", ""))
        return next((owner for owner in self.owners if owner.id == id), None)

    @property
    def asks_for(self) -> str:
        """The choice that is still open or being made: `stage` or `owner`."""
        if self.data.get("assigned_to_id"):
            return OWNER
        return OWNER if self.data.get("ask") == OWNER and not self.data.get("pipeline_stage_id") else STAGE

    @property
    def is_asking(self) -> bool:
        """Whether the list sent it: the deals are chosen, and the change is not."""
        return not self.data.get("pipeline_stage_id") and not self.data.get("assigned_to_id")

    def clean_shown_at(self) -> datetime | None:
        """When the list was drawn. None, which means now, if that cannot be read."""
        try:
            at = parse_datetime(self.cleaned_data["shown_at"])
        except ValueError:
            return None
        return at if at and at.tzinfo and at.utcoffset() is not None and at.year > 2000 else None

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if "id" in self.errors:
            # Without deals there are no stages and owners to choose from.
            return data
        stage_id, owner_id = data.get("pipeline_stage_id", ""), data.get("assigned_to_id", "")
        if stage_id and owner_id:
            # The page asks for one of the two choices, so the fields of the other are not required.
            self.add_error("assigned_to_id", bulk_words.BOTH)
            return data
        if not stage_id and not owner_id:
            field = "assigned_to_id" if self.asks_for == OWNER else "pipeline_stage_id"
            self.add_error(field, bulk_words.NO_TARGET)
        else:
            self._check_target(stage_id, owner_id)
        if self.needs_lost_reason and not data.get("lost_reason") and "lost_reason" not in self.errors:
            self.add_error("lost_reason", bulk_words.LOST_REASON)
        return data

    def _check_target(self, stage_id: str, owner_id: str) -> None:
        if stage_id and self.stage is None:
            self.add_error("pipeline_stage_id", bulk_words.STAGE_UNKNOWN)
        elif owner_id and (self.owner is None or not self.owner.may_write):
            self.add_error("assigned_to_id", bulk_words.OWNER_UNKNOWN)

    @property
    def needs_lost_reason(self) -> bool:
        return self.stage is not None and self.stage.meaning == "lost"

    def bulk_request(self) -> BulkRequest:
        """After `is_valid()`."""
        data = self.cleaned_data
        return BulkRequest(
            ids=data["id"],
            stage_id=data["pipeline_stage_id"],
            owner_id=data["assigned_to_id"],
            lost_reason=data["lost_reason"] if self.needs_lost_reason else "",
            seen_at=data["shown_at"],
        )
