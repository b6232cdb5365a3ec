"""The values a board consists of: cards, lanes with their sums, tabs, figures."""

from dataclasses import dataclass

from opportunities.offer import StageChoice
from opportunities.reports.measures import to_dollars, whole
from opportunities.selection import LIST, Selection
from opportunities.wording import board as board_words
from opportunities.wording import formats
from opportunities.wording import reports as report_words


@dataclass(frozen=True)
class Note:
    """The state of a change of a card's deal: `how` is saving, waiting, unsure or refused."""

    how: str
    text: str
    icon: str
    submission: str = ""
    stage: str = ""
    may_withdraw: bool = False


@dataclass(frozen=True)
class Card:
    """A deal as its card shows it. Equal cards share their markup (templatetags/board).

    `stage` is where the card is shown, `stands_in` is Slant's stage. They differ while a move is not
    confirmed.
    """

    id: str
    name: str
    household: str
    book: str
    stage: str
    stands_in: str
    money: str
    percent: str
    by_hand: bool
    close: str
    is_past: bool
    won_on: str
    days: int
    is_stale: bool
    owner: str
    may_move: bool
    own_probability: str
    is_unreadable: bool = False
    note: Note | None = None


@dataclass(frozen=True)
class Sums:
    """The sums of one lane's deals: `value` in whole US dollars, `weighted` in hundredths of a dollar."""

    count: int = 0
    valueless: int = 0
    value: int = 0
    weighted: int = 0

    def plus(self, other: "Sums", sign: int = 1) -> "Sums":
        return Sums(
            self.count + sign * other.count,
            self.valueless + sign * other.valueless,
            self.value + sign * other.value,
            self.weighted + sign * other.weighted,
        )

    @property
    def compact(self) -> str:
        return formats.compact(self.value)

    @property
    def compact_weighted(self) -> str:
        return formats.compact(self.weighted_dollars)

    @property
    def weighted_dollars(self) -> int:
        return to_dollars(self.weighted)


@dataclass(frozen=True)
class Lane:
    """One stage. `after` is the cursor of the next window of cards, empty at the end; `won` is for this
    quarter.

    A value, like the cards in it, so that an unchanged lane need not be drawn again.
    """

    pipeline: str
    stage: StageChoice
    sums: Sums
    cards: tuple[Card, ...] = ()
    after: str = ""
    won: Sums | None = None
    shown_count: int = 0

    @property
    def rest(self) -> int:
        return max(self.sums.count - self.shown_count, 1) if self.after else 0


@dataclass(frozen=True)
class Tab:
    """`query` is the same selection in this pipeline."""

    id: str
    name: str
    tally: int | None
    query: str


@dataclass(frozen=True)
class Figures:
    """The page's head: deals in open stages, and deals won since the fiscal quarter began.

    `undated` wins and `undated_lost` losses have no date in Slant, so they are in no quarter.
    """

    open: Sums
    won: Sums
    undated: Sums = Sums()
    undated_lost: Sums = Sums()

    @property
    def undated_words(self) -> str:
        return report_words.undated(self.undated.count, self.undated_lost.count)

    @property
    def weighted_share(self) -> int | None:
        return whole(self.open.weighted / self.open.value) if self.open.value else None


@dataclass(frozen=True)
class Board:
    """`since` is the token for `changes`. `lanes` are the visible stages, `rail` the hidden ones."""

    selection: Selection
    tabs: list[Tab]
    pipeline: Tab | None
    stages: tuple[StageChoice, ...]
    lanes: list[Lane]
    rail: list[Lane]
    figures: Figures
    since: str
    names: dict[str, str]
    undated_stages: tuple[str, ...] = ()

    @property
    def undated_query(self) -> str:
        """The list of the closed deals without a date, with every filter of the board.

        Empty where the board is filtered by something else that is missing.
        """
        if self.selection.missing not in ("", "closing"):
            return ""
        stages = self.selection.stage or self.undated_stages
        return self.selection.query(view=LIST, stage=stages, missing="closing")

    @property
    def moving_words(self) -> str:
        """The words of a card while it is being moved; scripts read them from the page and insert the
        stage.
        """
        return board_words.MOVING

    @property
    def column_words(self) -> dict[str, str]:
        """The words of an open board when its stages or its pipeline changed; scripts read them from the
        page.
        """
        return board_words.COLUMNS

    @property
    def reads_only(self) -> bool:
        """Whether there are cards, and none of them may be moved."""
        cards = [card for lane in (*self.lanes, *self.rail) for card in lane.cards]
        return bool(cards) and not any(card.may_move for card in cards)

    @property
    def is_empty(self) -> bool:
        return not any(lane.sums.count or lane.cards for lane in (*self.lanes, *self.rail))
