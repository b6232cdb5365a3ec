"""The sentences of alerts: what happened, what it means for deals, what to do."""

from dataclasses import dataclass

KEPT = "No deal is lost. What people enter is saved here"
SERVER = "Whoever runs the server finds more in the logs of the workers."


@dataclass(frozen=True)
class AlertWords:
    """The three sentences of an alert. Each may have placeholders that the keywords of `fill` replace."""

    happened: str
    meaning: str
    remedy: str

    def fill(self, **values: object) -> "AlertWords":
        return AlertWords(
            self.happened.format(**values), self.meaning.format(**values), self.remedy.format(**values)
        )


SLANT_AWAY = AlertWords(
    "Slant has not answered since {since}.",
    f"{KEPT} and goes to Slant once it answers. Boards and reports show Slant as it was then.",
    "Look whether Slant is up in a browser. If it is, look at the network between this server and Slant. "
    "Nothing needs to be entered again.",
)
SLANT_BUSY = AlertWords(
    "Slant has asked us to make no calls since {since}.",
    f"{KEPT} and goes to Slant once it takes calls again. Boards and reports show Slant as it was then.",
    "It ends by itself. If it comes often, look which other programs of the firm call Slant: they share its "
    "limits with us.",
)
NO_WORKER = AlertWords(
    "No worker has completed a round {since}.",
    f"{KEPT}, but nothing is sent to Slant and nothing is read from it.",
    f"Start a worker (manage.py work), or look why it does no work: a full disk stops it too. {SERVER}",
)
ROUNDS_FAIL = AlertWords(
    "The rounds of {workers} have failed since {since}: {failure}.",
    f"{KEPT}, but this worker sends and reads nothing. Others, if there are any, do its work.",
    f"Free space if the disk is full; otherwise restart the worker. {SERVER}",
)
OLD_MIRROR = AlertWords(
    "What Slantweb shows of Slant is from {since}, although Slant answers.",
    "Boards and reports miss what was changed in Slant since then. Deals are sent as usual.",
    f"Run manage.py sync on the server: it says what stops it. {SERVER}",
)
NEVER_SYNCED = AlertWords(
    "Nothing has been read from Slant yet, although Slant answers.",
    "Nobody can enter a deal before the books, pipelines and households are here.",
    f"Run manage.py sync on the server: it says what stops it. {SERVER}",
)
STUCK_QUEUE = AlertWords(
    "{waiting} to be sent to Slant, the oldest since {since}, and none of them goes.",
    f"{KEPT}, but does not reach Slant.",
    f"Open the oldest of them and see what Slant answered. {SERVER}",
)
SPENT_BUDGET = AlertWords(
    "The calls to Slant of this hour are used up: {left} of {all} are left.",
    f"{KEPT} and goes out as calls become free again, later than usual. Boards are older than usual.",
    "It ends by itself within the hour. If it comes often, look which large imports, bulk moves or other "
    "programs use the same token, or raise SLANT_HOURLY_BUDGET if Slant allows more.",
)
REVIEW = AlertWords(
    "{waiting} for a manager's decision, the first since {since}.",
    "Each of them may or may not be in Slant. Nobody should enter it again before it is decided.",
    "Open the review queue, compare what was sent with what Slant has, and decide.",
)
SUBMISSIONS_WAIT = ("1 submission waits", "{count} submissions wait")
DEALS_WAIT = ("1 deal waits", "{count} deals wait")
MORE = "and {count} more"
LAST_ERROR = "The last call: {error}"
SINCE = "since {since}"
NEVER = "yet"


def counted(words: tuple[str, str], count: int) -> str:
    return words[0] if count == 1 else words[1].format(count=f"{count:,}")
