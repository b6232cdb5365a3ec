"""The fictional firm: its people, books and pipelines. All names are invented."""

from __future__ import annotations

from typing import Any

COMPANY = "co_northpine"
OTHER_COMPANY = "co_saltmarsh"  # exists, but no token can reach it
OWNER = "u_4hd81k"  # whom all tokens act as

# id, company, e-mail, first name, last name, admin
USERS: tuple[tuple[str, str, str, str, str, bool], ...] = (
    (OWNER, COMPANY, "mara.lindqvist@northpine.example", "Mara", "Lindqvist", True),
    ("u_9xw20c", COMPANY, "theo.okafor@northpine.example", "Theo", "Okafor", False),
    ("u_2kf7pa", COMPANY, "odalys.fernhollow@northpine.example", "Odalys", "Fernhollow", False),
    ("u_c81mzd", COMPANY, "casimir.brightwick@northpine.example", "Casimir", "Brightwick", False),
    ("u_p55tre", COMPANY, "pernilla.stonebrook@northpine.example", "Pernilla", "Stonebrook", False),
    ("u_r0vi3k", COMPANY, "ravi.moonmarsh@northpine.example", "Ravi", "Moonmarsh", False),
    ("u_w77ren", COMPANY, "wren.tallowmere@northpine.example", "Wren", "Tallowmere", False),
    ("u_l0tt3v", COMPANY, "lotte.varnishaw@northpine.example", "Lotte", "Varnishaw", False),
    # In no book: she left all of them, and still owns a few deals (Slant API 10.19).
    ("u_t4msin", COMPANY, "tamsin.greyloch@northpine.example", "Tamsin", "Greyloch", False),
    ("u_x1salt", OTHER_COMPANY, "bram.eddystone@saltmarsh.example", "Bram", "Eddystone", True),
)

# id, company, name, {member: role}. The tokens' owner is principal, contributor, viewer and, as an admin,
# nothing.
BOOKS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    (
        "bk_pine01",
        COMPANY,
        "Mara's Book",
        {OWNER: "principal", "u_9xw20c": "contributor", "u_l0tt3v": "viewer"},
    ),
    (
        "bk_alder2",
        COMPANY,
        "Theo's Book",
        {"u_9xw20c": "principal", OWNER: "contributor", "u_2kf7pa": "contributor"},
    ),
    (
        "bk_cedar3",
        COMPANY,
        "Cedar Partners",
        {"u_c81mzd": "principal", "u_9xw20c": "contributor", OWNER: "viewer", "u_l0tt3v": "viewer"},
    ),
    ("bk_birch4", COMPANY, "Northern Region", {"u_2kf7pa": "principal", "u_9xw20c": "contributor"}),
    ("bk_dune05", COMPANY, "Pernilla's Book", {"u_p55tre": "principal", "u_r0vi3k": "contributor"}),
    ("bk_lone06", COMPANY, "Wren's Book", {"u_w77ren": "principal"}),  # shared with nobody
    ("bk_salt99", OTHER_COMPANY, "Saltmarsh", {"u_x1salt": "principal"}),
)

# Slant API 11.2: the default stages; the last two are hidden. Probabilities are the old default ones.
PROSPECT_STAGES = (
    ("Identified", 10),
    ("Connected", 20),
    ("Meeting scheduled", 40),
    ("Qualified", 60),
    ("Closed won", 100),
    ("Closed lost", 0),
    ("Archived", 0),
)
CLIENT_STAGES = (
    ("Identified", 10),
    ("In-progress", 40),
    ("Reviewing", 60),
    ("Closed won", 100),
    ("Closed lost", 0),
    ("Archived", 0),
)
OPEN_STAGES = (
    ("Identified", 10),
    ("Qualified", 40),
    ("Reviewing", 60),
    ("Closed won", 100),
    ("Closed lost", 0),
    ("Archived", 0),
)
# A firm's own idea of stages, with a gap in the order and no default for one of them (Slant API 10.21).
OWN_STAGES = (
    ("First call", 10),
    ("Plan drafted", None),
    ("Plan presented", 50),
    ("Closed won", 100),
    ("Closed lost", 0),
    ("Archived", 0),
)
HIDDEN = ("Closed lost", "Archived")

STAGE_IDS = {
    "Identified": "ident",
    "Connected": "conn",
    "Meeting scheduled": "meet",
    "Qualified": "qual",
    "In-progress": "prog",
    "Reviewing": "rev",
    "First call": "call",
    "Plan drafted": "draft",
    "Plan presented": "shown",
    "Closed won": "won",
    "Closed lost": "lost",
    "Archived": "arch",
}

Stages = tuple[tuple[str, int | None], ...]

# id, stage id prefix, name, kind, book (None: company-wide), stages
PIPELINES: tuple[tuple[str, str, str, str | None, str | None, Stages], ...] = (
    ("pl_newbiz", "st_", "New households", "prospect", None, PROSPECT_STAGES),
    ("pl_growth", "st_gr_", "Client growth", "client", None, CLIENT_STAGES),
    ("pl_events", "st_ev_", "Events and introductions", None, None, OPEN_STAGES),
    ("pl_alder", "st_al_", "Theo's referrals", "prospect", "bk_alder2", OWN_STAGES),
    ("pl_cedar", "st_ce_", "Retirement reviews", "client", "bk_cedar3", CLIENT_STAGES),
    ("pl_dune", "st_du_", "Business owners", None, "bk_dune05", OPEN_STAGES),
    ("pl_salt", "st_sa_", "Saltmarsh deals", "prospect", "bk_salt99", PROSPECT_STAGES),
)

CUSTOM_FIELDS: tuple[dict[str, Any], ...] = (
    {
        "id": "cf_src",
        "field_key": "lead_source",
        "display_name": "Lead source",
        "entity_type": "Opportunity",
        "field_type": "single_select",
        "options": {"select_options": ["Referral", "Seminar", "Website"]},
    },
    {
        "id": "cf_fee",
        "field_key": "expected_yearly_fee",
        "display_name": "Expected yearly fee",
        "entity_type": "Opportunity",
        "field_type": "number",
        "options": {},
    },
    {
        "id": "cf_next",
        "field_key": "next_review_on",
        "display_name": "Next review on",
        "entity_type": "Opportunity",
        "field_type": "date",
        "options": {},
    },
    {
        "id": "cf_trust",
        "field_key": "has_trust",
        "display_name": "Has a trust",
        "entity_type": "Household",
        "field_type": "boolean",
        "options": {},
    },
)

FAMILIES = [
    "Amberwick",
    "Bellweather",
    "Calderstone",
    "Dovecott",
    "Elmsworthy",
    "Farrowgate",
    "Gildenhart",
    "Hollowmere",
    "Inkpenny",
    "Jasperwood",
    "Kettlebrook",
    "Larkspurrow",
    "Mossgrove",
    "Nettlefold",
    "Oakenshade",
    "Pebbleford",
    "Quillington",
    "Rushmantle",
    "Silverthatch",
    "Thistlewood",
    "Umberfield",
    "Velvetine",
    "Willowmarch",
    "Yarrowby",
    "Zephyrine",
    "Appledoorn",
    "Brackenfell",
    "Cloverdyke",
    "Duskwater",
    "Evenlode",
]
GIVEN = [
    "Ada",
    "Benedikt",
    "Clio",
    "Dorian",
    "Elspeth",
    "Fabian",
    "Greta",
    "Hollis",
    "Imogen",
    "Jonas",
    "Kaia",
    "Leopold",
    "Maren",
    "Nils",
    "Ottilie",
    "Piers",
    "Quinta",
    "Rufus",
    "Saskia",
    "Tobias",
    "Una",
    "Viggo",
    "Winifred",
    "Xenia",
    "Yorick",
    "Zelda",
]
SUBJECTS = (
    "rollover",
    "inheritance",
    "retirement plan",
    "college fund",
    "sale of the bakery",
    "pension transfer",
    "charitable trust",
    "portfolio review",
    "estate plan",
    "stock options",
    "house sale proceeds",
    "annuity exchange",
)
