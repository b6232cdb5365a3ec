"""The form for a new opportunity.

Fields carry the API's names (Slant API 7.5), so that a refusal finds its field.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from opportunities.deal_fields import ALIASES, LABELS
from opportunities.delivery.kinds import NewDeal
from opportunities.forms.days import parse_day
from opportunities.forms.money import parse_money
from opportunities.forms.problems import Problems, problems_of
from opportunities.forms.rows import Affixed, FieldRow, HouseholdPicker, Select, StagePicker, Text
from opportunities.forms.typed import FIELDS, UNSTORABLE
from opportunities.offer import CLIENT, PROSPECT, Offer, PipelineChoice, StageChoice
from opportunities.wording import create as create_words
from opportunities.wording import fields as fields_words
from opportunities.wording import formats
from opportunities.wording.submissions import reasons_of

KINDS = {PROSPECT: "prospects", CLIENT: "clients"}


class NewOpportunityForm(forms.Form):
    """Checks shape and local rules against `offer`, which was made for the same person and the same data."""

    bound_field_class = FieldRow
    use_required_attribute = False
    refused, refused_no_words = create_words.SLANT_REFUSED, create_words.SLANT_REFUSED_NO_WORDS

    book_id = Text(label=LABELS["book_id"], widget=Select())
    household_id = Text(label=LABELS["household_id"], widget=HouseholdPicker(), optional=True)
    name = Text(
        label=LABELS["name"],
        help_text="What colleagues will recognise on the board.",
        widget=forms.TextInput({"class": "form-control", "autocomplete": "off"}),
    )
    value = Text(
        label=LABELS["value"],
        help_text="Whole dollars, like 640,000 or 640k.",
        widget=Affixed(before="$"),
        optional=True,
    )
    probability = Text(label=LABELS["probability"], widget=Affixed(after="%"), optional=True)
    target_close_date = Text(
        label=LABELS["target_close_date"],
        widget=forms.DateInput({"class": "form-control", "type": "date", "autocomplete": "off"}),
        optional=True,
    )
    pipeline_id = Text(label=LABELS["pipeline_id"], widget=Select())
    pipeline_type = Text(label=LABELS["pipeline_type"], widget=Select())
    assigned_to_id = Text(label=LABELS["assigned_to_id"], widget=Select())
    pipeline_stage_id = Text(label=LABELS["pipeline_stage_id"], widget=StagePicker())

    form_token = Text(widget=forms.HiddenInput())
    supersedes = Text(widget=forms.HiddenInput())
    name_suggested = Text(widget=forms.HiddenInput({"data-suggested": ""}))
    q = Text(widget=forms.HiddenInput())

    def __init__(
        self, *args: Any, offer: Offer, today: date, hints: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.offer, self.today = offer, today
        self.oob = False
        self.row_classes: dict[str, str] = {}
        # Set before any row is made, because a row keeps the hint it was made with.
        for name, hint in (hints or {}).items():
            self.fields[name].help_text = hint
        self.refusable = tuple(name for name in FIELDS if name in self.fields)
        self._fill_choices()

    # The present choices, valid or not

    def current_value(self, name: str) -> str:
        return str(self[name].value() or "").strip()

    @property
    def pipeline(self) -> PipelineChoice | None:
        return self.offer.pipeline(self.current_value("pipeline_id"))

    @property
    def stage(self) -> StageChoice | None:
        pipeline = self.pipeline
        if pipeline is None:
            return None
        chosen = self.current_value("pipeline_stage_id")
        return pipeline.stage(chosen) if chosen else pipeline.first_stage

    def deal(self) -> NewDeal:
        """The deal to create. Call it after `is_valid()`."""
        data = self.cleaned_data
        return NewDeal(**{name: data[name] for name in FIELDS})

    # Local rules, one for each field; `offer` already has the objects of the ids

    def clean_book_id(self) -> str:
        value: str = self.cleaned_data["book_id"]
        if not value:
            raise ValidationError(fields_words.BOOK_MISSING)
        if self.offer.book and self.offer.book.id == value:
            return value
        if self.offer.read_only_book:
            raise ValidationError(fields_words.BOOK_READ_ONLY.format(book=self.offer.read_only_book))
        raise ValidationError(fields_words.BOOK_UNKNOWN)

    def clean_household_id(self) -> str:
        value: str = self.cleaned_data["household_id"]
        household, book = self.offer.household, self.offer.book
        if not value:
            if self.current_value("q"):
                raise ValidationError(fields_words.HOUSEHOLD_NOT_PICKED)
            return ""
        if household is None or household.id != value:
            raise ValidationError(fields_words.HOUSEHOLD_UNKNOWN)
        if book and self.offer.household_elsewhere:
            raise ValidationError(
                fields_words.HOUSEHOLD_OF_ANOTHER_BOOK.format(household=household.name, book=book.name)
            )
        pipeline = self.pipeline
        if pipeline and not pipeline.takes(household):
            raise ValidationError(
                fields_words.HOUSEHOLD_OF_WRONG_KIND.format(
                    pipeline=pipeline.name,
                    kinds=KINDS[pipeline.household_type],
                    household=household.name,
                    kind=household.kind,
                )
            )
        return value

    def clean_name(self) -> str:
        value: str = self.cleaned_data["name"]
        if not value:
            raise ValidationError(fields_words.NAME_MISSING)
        if len(value) > 255:
            raise ValidationError(fields_words.NAME_TOO_LONG.format(length=len(value)))
        if any(unicodedata.category(letter) in UNSTORABLE for letter in value):
            raise ValidationError(fields_words.NAME_UNPRINTABLE)
        return value

    def clean_value(self) -> int | None:
        value: str = self.cleaned_data["value"]
        if not value:
            return None
        try:
            return parse_money(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def clean_probability(self) -> int | None:
        value: str = self.cleaned_data["probability"].removesuffix("%").strip()
        if not value:
            return None
        if not re.fullmatch(r"[0-9]{1,3}", value) or int(value) > 100:
            raise ValidationError(fields_words.PROBABILITY_OUT_OF_RANGE)
        return int(value)

    def clean_target_close_date(self) -> date | None:
        value: str = self.cleaned_data["target_close_date"]
        if not value:
            return None
        day = parse_day(value, today=self.today)
        if day <= self.today:
            raise ValidationError(fields_words.DATE_NOT_AHEAD.format(today=formats.long_day(self.today)))
        return day

    def clean_pipeline_id(self) -> str:
        value: str = self.cleaned_data["pipeline_id"]
        if not value or self.offer.book is None or self.offer.pipeline(value):
            return value
        if self.offer.other_pipeline:
            raise ValidationError(
                fields_words.PIPELINE_OF_ANOTHER_BOOK.format(
                    pipeline=self.offer.other_pipeline, book=self.offer.book.name
                )
            )
        raise ValidationError(fields_words.PIPELINE_UNKNOWN)

    def clean_pipeline_type(self) -> str:
        """Sent only where neither pipeline nor household is given: else Slant ignores it (Slant API 7.5)."""
        value: str = self.cleaned_data["pipeline_type"]
        if value and value not in KINDS:
            raise ValidationError(fields_words.PIPELINE_TYPE_UNKNOWN)
        return "" if self.current_value("pipeline_id") or self.current_value("household_id") else value

    def clean_assigned_to_id(self) -> str:
        value: str = self.cleaned_data["assigned_to_id"]
        if self.offer.book is None:
            return value
        if not value:
            if self.offer.me is None:
                raise ValidationError(fields_words.OWNER_MISSING)
            return self.offer.me.id
        owner = self.offer.owner(value)
        if owner is None:
            raise ValidationError(fields_words.OWNER_UNKNOWN)
        if not owner.may_write:
            raise ValidationError(fields_words.OWNER_READS_ONLY.format(owner=owner.name))
        return value

    def clean_pipeline_stage_id(self) -> str:
        value: str = self.cleaned_data["pipeline_stage_id"]
        pipeline = self.pipeline
        if pipeline is None:
            if value and not self.current_value("pipeline_id"):
                raise ValidationError(fields_words.STAGE_WITHOUT_PIPELINE)
            return ""
        if not value:
            return pipeline.first_stage.id if pipeline.first_stage else ""
        if pipeline.stage(value):
            return value
        if self.offer.other_stage:
            raise ValidationError(
                fields_words.STAGE_OF_ANOTHER_PIPELINE.format(
                    stage=self.offer.other_stage, pipeline=pipeline.name
                )
            )
        raise ValidationError(fields_words.STAGE_UNKNOWN)

    def clean(self) -> dict[str, Any]:
        ways = ("pipeline_id", "household_id", "pipeline_type")
        if not any(self.current_value(name) for name in ways) and not any(
            name in self.errors for name in ways
        ):
            self.add_error("pipeline_id", fields_words.NO_WAY_TO_A_PIPELINE)
        return self.cleaned_data

    # What Slant said

    def add_refusal(self, field_errors: Mapping[str, Any], text: str, code: str = "") -> None:
        """Add Slant's reasons at their fields, like local errors. Reasons for no field of ours go to the top
        of the form.
        """
        if code == "forbidden_book":
            book = self.offer.book.name if self.offer.book else "this book"
            self.add_error(
                "book_id" if "book_id" in self.fields else None,
                create_words.SLANT_REFUSED_BOOK.format(book=book),
            )
            return
        unplaced, placed = {}, False
        for name, messages in field_errors.items():
            field = ALIASES.get(name, name)
            if field not in self.refusable:
                unplaced[name] = messages
                continue
            for message in messages if isinstance(messages, list) else [messages]:
                self.add_error(field, create_words.SLANT_REFUSED_FIELD.format(message=message))
                placed = True
        if unplaced or not placed:
            reasons = reasons_of(text, unplaced)
            self.add_error(
                None, self.refused.format(message=f"{reasons}.") if reasons else self.refused_no_words
            )

    def renew(self, **hidden: str) -> None:
        """Give a bound form new hidden values before it is drawn again with everything typed kept."""
        data = cast(QueryDict, self.data).copy()
        for name, value in hidden.items():
            data[name] = value
        self.data = data

    def problems(self) -> Problems:
        """The problems for the error summary. Errors of the whole form are shown at its token."""
        whole = [("id_form_token", str(message)) for message in self.non_field_errors()]
        return whole + problems_of(self)

    def _fill_choices(self) -> None:
        self._fill_books()
        self._fill_households()
        self._fill_pipelines()
        self._fill_owners()
        stages = self.fields["pipeline_stage_id"].widget
        assert isinstance(stages, StagePicker)  # noqa: S101 - for the type checker
        stages.pipeline = self.pipeline
        self.fields["probability"].help_text = self._probability_hint()

    def _fill_books(self) -> None:
        books = [(book.id, book.name) for book in self.offer.books]
        only = self.offer.book and len(books) == 1
        self._choices("book_id", books if only else [("", "Choose a book"), *books])
        if self.offer.read_only_book:
            self._name("book_id", self.current_value("book_id"), f"{self.offer.read_only_book} (read only)")

    def _fill_households(self) -> None:
        offer = self.offer
        picker = self.fields["household_id"].widget
        assert isinstance(picker, HouseholdPicker)  # noqa: S101 - for the type checker
        picker.offer, picker.q = offer, self.current_value("q")
        offered = {household.id: household for household in offer.households}
        if offer.household:
            offered = {offer.household.id: offer.household} | offered
        self._choices(
            "household_id",
            [
                ("", "No household"),
                *((id, f"{household.name} ({household.kind})") for id, household in offered.items()),
            ],
        )

    def _fill_pipelines(self) -> None:
        offer = self.offer
        self._choices(
            "pipeline_id",
            [*((pipeline.id, pipeline.name) for pipeline in offer.pipelines), ("", "Let Slant choose")],
        )
        self._name("pipeline_id", self.current_value("pipeline_id"), offer.other_pipeline)
        if self.pipeline or offer.household_of_book:
            # Asked only if neither pipeline nor household is chosen. Without scripts it is always shown.
            self.row_classes["pipeline_type"] = "only-plain"
        by_household = "By the household" if offer.household_of_book else "Choose a kind"
        self._choices(
            "pipeline_type", [("", by_household), (PROSPECT, "For prospects"), (CLIENT, "For clients")]
        )

    def _fill_owners(self) -> None:
        offer = self.offer
        writers = [owner for owner in offer.owners if owner.may_write]
        owners = [(owner.id, f"{owner.name} (me)" if owner.is_me else owner.name) for owner in writers]
        self._choices("assigned_to_id", owners if offer.me else [("", "Choose an owner"), *owners])
        for owner in offer.owners:
            self._name("assigned_to_id", owner.id, f"{owner.name} (reads only)")

    def _probability_hint(self) -> str:
        if self.pipeline is None:
            return create_words.PROBABILITY_SLANT
        stage = self.stage
        if stage is None or stage.probability is None:
            return create_words.PROBABILITY_UNKNOWN
        return create_words.PROBABILITY_FOLLOWS.format(percent=stage.probability)

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        widget = self.fields[name].widget
        assert isinstance(widget, Select)  # noqa: S101 - for the type checker
        widget.choices = choices

    def _name(self, field: str, value: str, words: str) -> None:
        """The name of a value that is not offered, if the person may know it."""
        widget = self.fields[field].widget
        if isinstance(widget, Select) and words:
            widget.names[value] = words
