"""The same people and the same small firm in every test, each with a reason to exist.

| who | is | and |
| --- | --- | --- |
| owner | sales | principal of the Harbor book: may write there |
| colleague | sales | contributor in the Harbor book: another writer of the same deals |
| viewer | sales | only views the Harbor book |
| outsider | sales | writes in the Summit book alone: must never see Harbor |
| stranger | no role | signed in, but in no group |
| manager, compliance | | oversee and check; members of no book |
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from opportunities.models import Book, Household, Member, Person, Pipeline, Role, Stage, SyncState

ISSUER = "https://sign-on.example"


def make_person(name: str, *roles: str, member_id: str = "", **fields: object) -> Person:
    first = name.split()[0].lower()
    person = Person(
        iss=ISSUER,
        sub=f"sub-{first}",
        email=f"{first}@harbor.example",
        name=name,
        roles=list(roles),
        member_id=member_id,
        **fields,
    )
    person.set_unusable_password()
    person.save()
    return person


@dataclass
class Firm:
    """The rows of the mirror. Harbor is the owner's book, Summit the outsider's; Archive is read only."""

    harbor: Book
    summit: Book
    archive: Book
    prospects: Pipeline
    clients: Pipeline
    anyone: Pipeline
    summit_only: Pipeline
    lead: Stage
    qualified: Stage
    hidden: Stage
    proposal: Stage
    onboarding: Stage
    okonkwo: Household
    rivera: Household
    alder: Household


def make_firm() -> Firm:
    harbor = Book.objects.create(id="bk_harbor", name="Harbor", role="principal")
    summit = Book.objects.create(id="bk_summit", name="Summit", role="contributor")
    archive = Book.objects.create(id="bk_archive", name="Archive", role="viewer")
    for book, user_id, first, last, role in [
        (harbor, "us_owner", "Olivia", "Owner", "principal"),
        (harbor, "us_colleague", "Carl", "Colleague", "contributor"),
        (harbor, "us_viewer", "Vera", "Viewer", "viewer"),
        (archive, "us_owner", "Olivia", "Owner", "principal"),
        (summit, "us_outsider", "Otto", "Outsider", "principal"),
    ]:
        Member.objects.create(
            book=book,
            user_id=user_id,
            email=f"{first.lower()}@harbor.example",
            first_name=first,
            last_name=last,
            role=role,
        )

    prospects = Pipeline.objects.create(
        id="pl_prospects", name="New money", pipeline_type="prospect", position=0
    )
    clients = Pipeline.objects.create(id="pl_clients", name="Rollovers", pipeline_type="client", position=1)
    anyone = Pipeline.objects.create(id="pl_anyone", name="Referrals", book=harbor, position=2)
    summit_only = Pipeline.objects.create(id="pl_summit", name="Summit deals", book=summit, position=3)

    def stage(
        id: str, pipeline: Pipeline, name: str, order: int, probability: int | None, visible: bool = True
    ) -> Stage:
        return Stage.objects.create(
            id=id,
            pipeline=pipeline,
            name=name,
            stage_order=order,
            position=order,
            default_probability=probability,
            visible=visible,
        )

    lead = stage("st_lead", prospects, "Lead", 1, 10)
    qualified = stage("st_qualified", prospects, "Qualified", 2, 40)
    hidden = stage("st_hidden", prospects, "Parked", 3, 0, visible=False)
    proposal = stage("st_proposal", clients, "Proposal", 1, 50)
    stage("st_referred", anyone, "Referred", 1, None)
    onboarding = stage("st_summit", summit_only, "Onboarding", 1, 80)

    okonkwo = Household.objects.create(id="hh_okonkwo", name="Okonkwo", type="PROSPECT", book=harbor)
    rivera = Household.objects.create(id="hh_rivera", name="Rivera", type="CLIENT", book=harbor)
    alder = Household.objects.create(id="hh_alder", name="Alder", type="CLIENT", book=summit)

    now = datetime.now(UTC)
    for resource in ("books", "pipelines", "households", "opportunities"):
        SyncState.objects.create(resource=resource, started_at=now, finished_at=now)

    return Firm(
        harbor=harbor,
        summit=summit,
        archive=archive,
        prospects=prospects,
        clients=clients,
        anyone=anyone,
        summit_only=summit_only,
        lead=lead,
        qualified=qualified,
        hidden=hidden,
        proposal=proposal,
        onboarding=onboarding,
        okonkwo=okonkwo,
        rivera=rivera,
        alder=alder,
    )


@pytest.fixture
def firm(db: None) -> Firm:
    return make_firm()


@pytest.fixture
def owner(db: None) -> Person:
    return make_person("Olivia Owner", Role.SALES, member_id="us_owner")


@pytest.fixture
def colleague(db: None) -> Person:
    return make_person("Carl Colleague", Role.SALES, member_id="us_colleague")


@pytest.fixture
def viewer(db: None) -> Person:
    return make_person("Vera Viewer", Role.SALES, member_id="us_viewer")


@pytest.fixture
def outsider(db: None) -> Person:
    return make_person("Otto Outsider", Role.SALES, member_id="us_outsider")


@pytest.fixture
def stranger(db: None) -> Person:
    return make_person("Sam Stranger")


@pytest.fixture
def manager(db: None) -> Person:
    return make_person("Mona Manager", Role.MANAGER)


@pytest.fixture
def compliance(db: None) -> Person:
    return make_person("Cleo Compliance", Role.COMPLIANCE)
