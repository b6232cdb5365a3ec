"""The questions to a real Slant, and the sheet of their findings.

Each topic is a point that our notes on Slant's API leave open ("10.7"), or one they state and a firm should
check. `otherwise` is what Slantweb does while the point is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from opportunities.probe.prober import NoAnswer

Settings = Mapping[str, str]


class Topic(NamedTuple):
    point: str
    question: str
    otherwise: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table.

    point     the section of our notes on Slant's API ("10.7")
    seen      what Slant does, in counts, statuses and field names only; or why that cannot be told
    follows   what it means for our settings or for operation
    topic     a name that stays the same, for machines
    told      False when Slant did not show it: then `seen` begins with "no answer" or "cannot be told"
    settings  settings that should be set because of it, by name
    """

    point: str
    question: str
    seen: str
    follows: str
    topic: str = ""
    told: bool = True
    settings: Settings = field(default_factory=dict)


NOTHING = "nothing: Slantweb takes it either way"

READ_TOPICS: dict[str, Topic] = {
    "me_can_write": Topic("10.26", "Does /me say whether the token may write?", "a refused write tells"),
    "documented": Topic("7", "Do the answers hold the documented fields?", "odd answers count as none"),
    "per_page": Topic("4", "What becomes of per_page above 100?", "Slantweb asks for 100"),
    "past_end": Topic("4", "What is a page past the end?", "Slantweb never asks for one"),
    "list_opportunities": Topic("10.2", "Is there a list of opportunities?", "lost creates go to a manager"),
    "household_list": Topic("7.9", "Is there a list for one household?", "the book's list is read instead"),
    "list_filters": Topic("10.2", "Does the list obey book_id?", "rows are filtered again here"),
    "list_updated_since": Topic("10.2", "Does the list obey updated_since?", "whole lists are read"),
    "list_order": Topic("10.2", "In what order is the list?", NOTHING),
    "hidden_stages": Topic("10.2", "Does the list hold deals in hidden stages?", "assumed to be listed"),
    "nested_pipeline": Topic("7.4", "How much of its pipeline does a deal show?", NOTHING),
    "error_shape": Topic("10.3", "What does an error look like?", "every known shape is tried"),
    "validation_status": Topic("10.4", "How is a wrong value refused?", "400 and 422 are taken alike"),
    "no_access": Topic(
        "10.5", "How is a record out of reach refused?", "403 and 404 read the same to people",
    ),
    "unrestricted_pipeline_type": Topic(
        "10.9", "How is a pipeline without restriction named?",
        "all but prospect and client take any household",
    ),
    "company_pipelines_with_book_filter": Topic(
        "10.10", "Are company-wide pipelines listed under book_id?", "pipelines are read without a filter",
    ),
    "assignees": Topic(
        "10.19", "Are there deals without a complete assignee?", 'shown as "Unassigned / former user"',
    ),
    "stage_order": Topic("10.21", "Are stage orders and default probabilities complete?", NOTHING),
    "rate_headers": Topic("10.22", "Do ordinary answers tell the rate limit?", "the budget is counted here"),
    "retry_after": Topic("10.22", "Does a 429 say how long to wait?", "without it: 60 s, doubling"),
    "viewer_books": Topic("10.25", "Where may the token only view?", "forms are closed for viewers"),
    "household_types": Topic("10.28", "Which kinds of household are there?", "unknown kinds are taken"),
    "custom_field_keys": Topic("10.30", "Are custom fields named by key or by id?", "assumed: by key"),
    "clock": Topic("1", "How far is Slant's clock from ours?", "each scan measures it"),
    "speed": Topic("5", "How long do answers take?", "SLANT_TIMEOUT_SECONDS as it is"),
}  # fmt: skip

WRITE_TOPICS: dict[str, Topic] = {
    "test_deal": Topic("7.5", "Can a deal be made and put away again?", "try before going live"),
    "create_status": Topic("10.6", "With which status is a create answered?", "any 2xx is taken"),
    "unit": Topic("10.1", "In what unit is value?", "a hundredfold or a hundredth stops all sending"),
    "probability_when_omitted": Topic("10.12", "What is the probability when none is sent?", NOTHING),
    "close_day": Topic("10.23", "Does a close date come back as the same UTC day?", "each write compares it"),
    "list_lag": Topic("10.2", "How soon does the list show a new deal?", "QUIET_SECONDS as it is"),
    "idem_replay": Topic(
        "6", "Is the same key and body answered by the first record?", "looked for, never trusted",
    ),
    "replay_marker": Topic("10.8", "Does a header mark a replay?", NOTHING),
    "idem_mismatch": Topic("10.7", "What does the same key with another body get?", "never done"),
    "idem_store_4xx": Topic("10.8", "Is a refusal kept under its key?", "a new key after every definite no"),
    "viewer_writes": Topic("10.25", "How is a viewer's write refused?", "403 and 422 are both a definite no"),
    "unknown_field": Topic("10.16", "What becomes of a field no page lists?", "none is sent"),
    "null_in_patch": Topic("10.15", "Does null clear a field?", "the answer is compared, and people told"),
    "past_close_date_in_patch": Topic("10.14", "May a change set a close date in the past?", NOTHING),
    "stage_move": Topic("10.13", "Does a move change the probability?", "read from the answer"),
}  # fmt: skip

# Open points that no single careful run can settle, and why.
NOT_PROBED: dict[str, tuple[Topic, str]] = {
    "parallel_keys": (
        Topic("10.8", "What do two sends with one key at once get?", "one sender a key"),
        "trying it could make a second deal",
    ),
    "key_per_token": (
        Topic("10.8", "Is a key kept for each token?", "one token is used"),
        "it takes a second token",
    ),
    "default_pipeline": (
        Topic("10.11", "Which pipeline is the default of a type?", "pipeline_id is sent"),
        "it takes more than one test deal",
    ),
    "household_rules": (
        Topic("10.18", "Are household and assignee held against book and kind?", "the form prevents it"),
        "it would touch a client's household",
    ),
    "limits": (
        Topic("10.20", "How long a name, how large a value?", "255 characters, $2,000,000,000"),
        "it takes more than one test deal",
    ),
    "promotion": (
        Topic("10.24", "Does promoting a prospect change its id?", "a 404 clears the link"),
        "the API cannot promote",
    ),
    "unseen": (
        Topic("10.31", "Are there webhooks, OAuth sign-up or notices of change?", "Slantweb polls"),
        "no call shows them: ask Slant",
    ),
}


class FindingSheet:
    """Collects findings by topic; one without an answer says so."""

    def __init__(self) -> None:
        self._findings: dict[str, Finding] = {}

    def __contains__(self, topic: str) -> bool:
        return topic in self._findings

    def is_told(self, topic: str) -> bool:
        """Whether Slant showed it."""
        return topic in self._findings and self._findings[topic].told

    def observation_of(self, topic: str) -> str:
        """What was written down so far, or ""."""
        return self._findings[topic].seen if topic in self._findings else ""

    def tell(self, topic: str, observation: str, follows: str = NOTHING, **settings: str) -> None:
        """Write down what Slant does. The last word wins: a write shows more than a read."""
        about = _ALL[topic]
        self._findings[topic] = Finding(
            about.point, about.question, observation, follows, topic=topic, settings=settings
        )

    def cannot(self, topic: str, why: str) -> None:
        """Slant did not show it. Never takes back what was told."""
        self._untold(topic, f"cannot be told: {why}")

    @contextmanager
    def asking(self, *topics: str) -> Iterator[None]:
        """Where an answer is missing, mark the open ones of `topics` as "no answer" and go on."""
        try:
            yield
        except NoAnswer as lost:
            for topic in topics:
                self.no_answer(topic, lost)

    def no_answer(self, topic: str, lost: NoAnswer) -> None:
        """Slant did not answer, or nothing that can be read. Never takes back what was told."""
        self._untold(topic, f"no answer: {lost}")

    def _untold(self, topic: str, observation: str) -> None:
        about = _ALL[topic]
        self._findings.setdefault(
            topic, Finding(about.point, about.question, observation, about.otherwise, topic=topic, told=False)
        )

    def findings(self) -> tuple[Finding, ...]:
        """All of them, in the order of the topics."""
        for topic, (_, why) in NOT_PROBED.items():
            self.cannot(topic, why)
        for topic in _ALL:
            self.cannot(topic, "nothing in the answers showed it")
        return tuple(self._findings[topic] for topic in _ALL)


_ALL = READ_TOPICS | WRITE_TOPICS | {topic: about for topic, (about, _) in NOT_PROBED.items()}
