"""What the form for a new opportunity may offer, as plain values that selectors fill for forms."""

from dataclasses import dataclass

PROSPECT, CLIENT = "prospect", "client"
# What a form posts for "no household" where an empty value keeps the household the deal has.
NO_HOUSEHOLD = "none"


@dataclass(frozen=True)
class BookChoice:
    id: str
    name: str


@dataclass(frozen=True)
class StageChoice:
    """`probability` is the stage's default, None without one. `slot` and `glyph` say how it is drawn."""

    id: str
    name: str
    probability: int | None
    visible: bool
    meaning: str
    slot: str
    glyph: str

    @property
    def glyph_classes(self) -> str:
        return f"glyph stage-{self.slot}"


@dataclass(frozen=True)
class PipelineChoice:
    """`household_type` is prospect, client, or empty where any household may enter."""

    id: str
    name: str
    household_type: str
    stages: tuple[StageChoice, ...]

    def takes(self, household: "HouseholdChoice | None") -> bool:
        """A kind Slant may invent later (neither prospect nor client) is left to Slant."""
        if household is None or not self.household_type or household.kind not in (PROSPECT, CLIENT):
            return True
        return household.kind == self.household_type

    def stage(self, id: str) -> StageChoice | None:
        return next((stage for stage in self.stages if stage.id == id), None)

    @property
    def first_stage(self) -> StageChoice | None:
        return next(
            (stage for stage in self.stages if stage.visible), self.stages[0] if self.stages else None
        )


@dataclass(frozen=True)
class HouseholdChoice:
    id: str
    name: str
    kind: str
    book_id: str
    book_name: str
    open_deals: int

    @property
    def short_name(self) -> str:
        """`The Okonkwo Family` is called Okonkwo where a deal is named after it."""
        words = self.name.split()
        if len(words) > 1 and words[0].lower() == "the":
            words = words[1:]
        if len(words) > 1 and words[-1].lower() in ("family", "household"):
            words = words[:-1]
        return " ".join(words)

    @property
    def suggested_name(self) -> str:
        return f"{self.short_name} opportunity"[:255]


@dataclass(frozen=True)
class OwnerChoice:
    id: str
    name: str
    may_write: bool
    is_me: bool


@dataclass(frozen=True)
class Offer:
    """What `person` may choose, given what is typed so far. `other_*` names what does not fit here.

    `kept_household` names the household a deal has and may keep, but nobody may choose any more.
    """

    books: tuple[BookChoice, ...] = ()
    book: BookChoice | None = None
    read_only_book: str = ""
    pipelines: tuple[PipelineChoice, ...] = ()
    other_pipeline: str = ""
    other_stage: str = ""
    household: HouseholdChoice | None = None
    households: tuple[HouseholdChoice, ...] = ()
    more_households: bool = False
    kept_household: str = ""
    owners: tuple[OwnerChoice, ...] = ()

    def pipeline(self, id: str) -> PipelineChoice | None:
        return next((pipeline for pipeline in self.pipelines if pipeline.id == id), None)

    def owner(self, id: str) -> OwnerChoice | None:
        return next((owner for owner in self.owners if owner.id == id), None)

    @property
    def me(self) -> OwnerChoice | None:
        """The person themselves, where they may own a deal."""
        return next((owner for owner in self.owners if owner.is_me and owner.may_write), None)

    @property
    def household_elsewhere(self) -> bool:
        return bool(self.household and self.book and self.household.book_id != self.book.id)

    @property
    def household_of_book(self) -> HouseholdChoice | None:
        """The household, if it is one of the chosen book."""
        return None if self.household_elsewhere else self.household

    def default_pipeline(self) -> PipelineChoice | None:
        return next((pipeline for pipeline in self.pipelines if pipeline.takes(self.household_of_book)), None)
