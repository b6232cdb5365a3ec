"""The world a sandbox starts with: a fictional firm, the same for the same `now` and number (no randomness).

The examples of Slant API 7 are in it under their own ids: `bk_pine01`, `pl_newbiz`, `st_qual`, `hh_okonkwo`,
`op_71qz5d`, `cf_src`, and the people `u_4hd81k` and `u_9xw20c`.
"""

from __future__ import annotations

from opportunities.sandbox import names
from opportunities.sandbox.households import person_row
from opportunities.sandbox.store import Row, Store, Token, scramble, stamp

OPPORTUNITIES = 140
DAY_S = 86_400.0
YEAR_S = 365 * DAY_S

TOKENS = (
    Token("write", "slnt_pat_sandbox_write", names.OWNER, can_write=True),
    Token("read", "slnt_pat_sandbox_read", names.OWNER, can_write=False),
    Token("observer", "slnt_pat_sandbox_observer", names.OWNER, can_write=True, own_bucket=True),
)

# How the deals are spread over the books, in hundredths; the last book of the firm stays small.
SHARES = (
    ("bk_pine01", 30),
    ("bk_alder2", 24),
    ("bk_cedar3", 18),
    ("bk_birch4", 14),
    ("bk_dune05", 10),
    ("bk_lone06", 4),
)


def build(*, now: float, opportunities: int = OPPORTUNITIES, span_s: float = YEAR_S) -> Store:
    """A new world. `now`: seconds since the epoch, the anchor of all dates; `opportunities`: how many in the
    firm, created over the last `span_s` seconds.
    """
    store = Store(tokens={token.value: token for token in TOKENS})
    _people_and_books(store)
    _pipelines(store)
    for definition in names.CUSTOM_FIELDS:
        store.tables["custom_field"][definition["id"]] = {**definition, "company_id": names.COMPANY}
    _households(store, now, per_book=max(16, opportunities // 120))
    _opportunities(store, now, opportunities, span_s)
    return store


def _people_and_books(store: Store) -> None:
    for user_id, company, email, first, last, admin in names.USERS:
        store.tables["user"][user_id] = {
            "id": user_id,
            "company_id": company,
            "email": email,
            "first_name": first,
            "last_name": last,
            "admin": admin,
        }
    for book_id, company, name, members in names.BOOKS:
        store.tables["book"][book_id] = {
            "id": book_id,
            "company_id": company,
            "name": name,
            "members": members,
            "tiers": [{"value": 1, "label": "A-tier"}, {"value": 2, "label": "B-tier"}],
            "teams": [{"id": "tm_01", "name": "Planning"}],
        }


def _pipelines(store: Store) -> None:
    for pipeline_id, prefix, name, kind, book_id, stages in names.PIPELINES:
        own = stages is names.OWN_STAGES
        store.tables["pipeline"][pipeline_id] = {
            "id": pipeline_id,
            "company_id": names.OTHER_COMPANY if pipeline_id == "pl_salt" else names.COMPANY,
            "name": name,
            "pipeline_type": kind,
            "book_id": book_id,
            "pipeline_stages": [
                {
                    "id": prefix + names.STAGE_IDS[title],
                    "name": title,
                    "stage_order": number * 10 if own else number,
                    "visible": title not in names.HIDDEN,
                    "default_probability": probability,
                }
                for number, (title, probability) in enumerate(stages, start=1)
            ],
        }


def _households(store: Store, now: float, per_book: int) -> None:
    """In every book both kinds in turn; a few named more than once, as families are."""
    number = 0
    for book_id, *_ in names.BOOKS:
        household_count = per_book if book_id not in ("bk_lone06", "bk_salt99") else 4
        for place in range(household_count):
            number += 1
            store.tables["household"].update([_household(number, place, book_id, now)])


def _household(number: int, place: int, book_id: str, now: float) -> tuple[str, Row]:
    family = names.FAMILIES[number * 7 % len(names.FAMILIES)]
    given_name = names.GIVEN[number * 5 % len(names.GIVEN)]
    client = place % 2 == 1
    household_id, person_id = f"hh_{scramble(number)}", f"pe_{scramble(number)}"
    title = (f"The {family} Family", f"{given_name} {family}", f"{family} Household")[number % 3]
    if book_id == "bk_pine01" and place == 0:
        household_id, person_id, title, given_name, family = (
            "hh_okonkwo",
            "pe_ada",
            "The Okonkwo Family",
            "Ada",
            "Okonkwo",
        )
    person_details = {
        "first_name": given_name,
        "last_name": family,
        "email": f"{given_name}.{family}.{number}@families.example".lower() if number % 6 else None,
        "phone_number": f"+1555{number:07d}" if number % 4 else None,
        "date_of_birth": f"{1940 + number % 50}-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
        "ssn": f"***-**-{1000 + number % 9000}",
        "role_type": "Client" if client else "Prospect",
    }
    changed = stamp(now - YEAR_S + number % 350 * DAY_S)
    row = {
        "id": household_id,
        "type": "Client" if client else "Prospect",
        "name": title,
        "book_id": book_id,
        "people": [person_row(person_id, book_id, household_id, person_details)],
        "tier": ("A-tier", "B-tier", None)[number % 3] if client else None,
        "became_client_at": stamp(now - number % 900 * DAY_S - YEAR_S) if client else None,
        "profile_picture_url": None,
        "custom_fields": {"has_trust": number % 5 == 0} if client else {},
        "created_at": stamp(now - 3 * YEAR_S),
        "updated_at": changed,
    }
    return household_id, row


def _opportunities(store: Store, now: float, count: int, span_s: float) -> None:
    """`count` deals, oldest first, and one of the other firm. The first is the example of Slant API 7.4."""
    table = store.tables["opportunity"]
    kinds: dict[tuple[str, str], list[Row]] = {}
    for household in store.tables["household"].values():
        kinds.setdefault((household["book_id"], household["type"]), []).append(household)
    spread = [book_id for book_id, share in SHARES for _ in range(share)]
    if count > 0:
        table["op_71qz5d"] = _example(now, now - span_s - 7200)
    for number in range(1, count):
        book_id = spread[number * 37 % len(spread)]
        created = now - span_s * (1 - number / count) - 3600
        row = _deal(store, kinds, number, book_id, created, now)
        table[row["id"]] = row
    row = _deal(store, kinds, count + 1, "bk_salt99", now - 30 * DAY_S, now)
    table["op_salt99"] = {
        **row,
        "id": "op_salt99",
        "pipeline_id": "pl_salt",
        "pipeline_stage_id": "st_sa_ident",
    }


def _example(now: float, created: float) -> Row:
    return {
        "id": "op_71qz5d",
        "name": "Okonkwo rollover",
        "book_id": "bk_pine01",
        "pipeline_id": "pl_newbiz",
        "pipeline_stage_id": "st_qual",
        "assigned_to_id": "u_9xw20c",
        "value": 640_000,
        "probability": 55,
        "target_close_date": _midnight(now + 45 * DAY_S),
        "stage_updated_at": stamp(now - 20 * DAY_S),
        "household_id": "hh_okonkwo",
        "custom_fields": {"lead_source": "Referral"},
        "created_at": stamp(created),
        "updated_at": stamp(now - 20 * DAY_S),
    }


def _midnight(moment: float) -> str:
    return stamp(moment // DAY_S * DAY_S)


def _deal(
    store: Store,
    kinds: dict[tuple[str, str], list[Row]],
    number: int,
    book_id: str,
    created: float,
    now: float,
) -> Row:
    """One deal. Prime numbers select its parts, so that they vary independently and every nullable field is
    null in some deals.
    """
    mix = _mixed(number)
    pipelines = _PIPELINES_OF[book_id]
    pipeline = store.tables["pipeline"][pipelines[mix % len(pipelines)]]
    kind = (pipeline["pipeline_type"] or ("prospect", "client")[mix // 3 % 2]).capitalize()
    candidates = kinds[(book_id, kind)]
    household = candidates[mix // 5 % len(candidates)]
    stages = pipeline["pipeline_stages"]
    # Closed deals are common in old data: half of the deals older than half a year sit in the last three
    # stages.
    if created < now - YEAR_S / 2 and mix // 7 % 2:
        stage = stages[len(stages) - 3 + mix // 11 % 3]
    else:
        stage = (
            stages[mix // 11 % max(1, len(stages) - 3)] if mix // 13 % 9 else stages[mix // 11 % len(stages)]
        )
    writers = _WRITERS_OF[book_id]
    owner = writers[mix // 17 % len(writers)]
    if number % 41 == 0 and book_id == "bk_pine01":
        owner = "u_t4msin"
    moved = created + (now - created) * (mix // 19 % 100) / 100
    closed = stage["name"].startswith(("Closed", "Archived"))
    closes = moved + (mix // 23 % 30) * DAY_S if closed else now + (mix // 23 % 240 - 40) * DAY_S
    linked = bool(mix // 29 % 11)
    return {
        "id": f"op_{scramble(number)}",
        "name": f"{household['people'][0]['last_name']} {names.SUBJECTS[mix // 31 % len(names.SUBJECTS)]}",
        "book_id": book_id,
        "pipeline_id": pipeline["id"],
        "pipeline_stage_id": stage["id"],
        "assigned_to_id": owner,
        "value": (mix // 37 % 390 + 10) * 5_000 if mix // 41 % 12 else None,
        "probability": (mix // 43 % 20 + 1) * 5 if mix // 47 % 3 == 0 else None,
        "target_close_date": _midnight(closes) if mix // 53 % 8 else None,
        "stage_updated_at": stamp(moved) if mix // 59 % 29 else None,
        "household_id": household["id"] if linked else None,
        "custom_fields": {"lead_source": ("Referral", "Seminar", "Website")[mix % 3]}
        if mix // 61 % 4
        else {},
        "created_at": stamp(created),
        "updated_at": stamp(max(moved, created)),
    }


def _mixed(number: int) -> int:
    """A large number that differs from those of its neighbours, so that the parts of a deal vary
    independently.
    """
    mix = number * 0x9E3779B97F4A7C15 % 2**64
    mix = (mix ^ mix >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    return (mix ^ mix >> 27) * 0x94D049BB133111EB % 2**64 >> 3


def _pipelines_of() -> dict[str, list[str]]:
    """The pipelines of a book: the company's that have its default kinds, and its own."""
    pipelines_by_book: dict[str, list[str]] = {}
    for book_id, company, *_ in names.BOOKS:
        company_wide = (
            ["pl_newbiz", "pl_growth", "pl_newbiz", "pl_events"] if company == names.COMPANY else []
        )
        own = [pipeline_id for pipeline_id, _, _, _, book, _ in names.PIPELINES if book == book_id]
        pipelines_by_book[book_id] = company_wide + own
    return pipelines_by_book


_PIPELINES_OF = _pipelines_of()
_WRITERS_OF = {
    book_id: [user_id for user_id, role in members.items() if role != "viewer"]
    for book_id, *_, members in names.BOOKS
}
