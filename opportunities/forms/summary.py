"""The live summary "What Slant will receive": the values of the form, in the words of Slant's board."""

from dataclasses import dataclass
from datetime import date

from opportunities.deal_fields import LABELS
from opportunities.forms.create import NewOpportunityForm
from opportunities.offer import CLIENT, PROSPECT, StageChoice
from opportunities.reports.measures import OPEN, to_dollars
from opportunities.wording import formats

UNSET = "Not set"
CHOSEN_BY_SLANT = "Slant chooses"


@dataclass(frozen=True)
class SummaryLine:
    """A line of the summary. `tone` is `bad` where it must be corrected, `muted` where it is empty."""

    label: str
    text: str
    tone: str = ""
    stage: StageChoice | None = None


@dataclass(frozen=True)
class SummaryCheck:
    text: str
    done: bool


@dataclass(frozen=True)
class Summary:
    value: str
    has_value: bool
    weighted: str
    weighted_bad: bool
    facts: tuple[SummaryLine, ...]
    checks: tuple[SummaryCheck, ...]


def summary(form: NewOpportunityForm, *, similar: int | None = None, submitted: bool = False) -> Summary:
    """The summary of a bound form, valid or not.

    `similar` is the number of similar deals of the last 24 hours; None if they were not counted.
    """
    wrong = {name for name in form.errors if submitted or form.current_value(name)}
    cleaned = form.cleaned_data
    value: int | None = cleaned.get("value")
    return Summary(
        value=formats.money(value) if value is not None else "No value yet",
        has_value=value is not None,
        weighted=_weighted_text(form, value, wrong),
        weighted_bad=bool({"value", "probability"} & wrong),
        facts=tuple(_lines(form, wrong)),
        checks=tuple(_checks(form, wrong, similar, submitted)),
    )


def _weighted_text(form: NewOpportunityForm, value: int | None, wrong: set[str]) -> str:
    for name in ("value", "probability"):
        if name in wrong:
            return f"{LABELS[name]} needs correcting"
    percent = form.cleaned_data.get("probability")
    if percent is None and form.stage:
        percent = form.stage.probability
    if value is None:
        return f"Weighted at {percent}% once it has one" if percent is not None else ""
    if percent is None:
        return "Not weighted: no probability"
    if form.stage and form.stage.meaning != OPEN:
        return ""
    return f"{formats.money(to_dollars(value * percent))} weighted at {percent}%"


def _lines(form: NewOpportunityForm, wrong: set[str]) -> list[SummaryLine]:
    offer = form.offer
    stage = form.stage
    texts = {
        "book_id": offer.book.name if offer.book else offer.read_only_book,
        "name": form.current_value("name"),
        "household_id": offer.household.name if offer.household else "",
        "pipeline_id": _pipeline_text(form) or offer.other_pipeline,
        "pipeline_stage_id": stage.name if stage else "" if form.pipeline else CHOSEN_BY_SLANT,
        "target_close_date": _close_day_text(form),
        "assigned_to_id": _owner_name(form),
    }
    labels = LABELS | {"target_close_date": "Close"}
    return [
        SummaryLine(
            label=labels[name],
            text=text or UNSET,
            tone="bad" if name in wrong else "" if text else "muted",
            stage=stage if name == "pipeline_stage_id" else None,
        )
        for name, text in texts.items()
    ]


def _pipeline_text(form: NewOpportunityForm) -> str:
    if form.pipeline:
        return form.pipeline.name
    if form.offer.household_of_book:
        return f"{CHOSEN_BY_SLANT}, by household"
    kinds = {PROSPECT: f"{CHOSEN_BY_SLANT}, for prospects", CLIENT: f"{CHOSEN_BY_SLANT}, for clients"}
    return kinds.get(form.current_value("pipeline_type"), "")


def _owner_name(form: NewOpportunityForm) -> str:
    """The name of the chosen owner; the person's own if none is chosen."""
    chosen = form.current_value("assigned_to_id")
    owner = form.offer.owner(chosen) if chosen else form.offer.me
    return owner.name if owner else ""


def _close_day_text(form: NewOpportunityForm) -> str:
    typed = form.current_value("target_close_date")
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return typed
    return formats.long_day(day) + ("" if day > form.today else ", not in the future")


def _checks(
    form: NewOpportunityForm, wrong: set[str], similar: int | None, submitted: bool
) -> list[SummaryCheck]:
    checks = []
    if submitted and wrong:
        count = len(wrong)
        checks.append(SummaryCheck(f"{count} field{'s' if count > 1 else ''} to correct", done=False))
    if similar == 0:
        checks.append(SummaryCheck("No similar deal in the last 24 hours", done=True))
    elif similar:
        checks.append(SummaryCheck("A similar deal was entered in the last 24 hours", done=False))
    missing = [
        name for name in ("book_id", "name", "assigned_to_id") if name in form.errors and name not in wrong
    ]
    if missing:
        words = ", ".join(LABELS[name].lower() for name in missing)
        checks.append(SummaryCheck(f"Still to fill in: {words}", done=False))
    owner = form.offer.owner(form.cleaned_data.get("assigned_to_id", ""))
    if owner and "assigned_to_id" not in form.errors:
        checks.append(SummaryCheck("Owner works in this book", done=True))
    return checks
