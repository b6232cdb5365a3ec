"""Whatever a browser sends, the form answers with a page, never with an error of ours."""

from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from opportunities.forms import NewOpportunityForm, adjust, summary, typed_values
from opportunities.forms.typed import CARRIED
from opportunities.offer import BookChoice, HouseholdChoice, Offer, OwnerChoice, PipelineChoice, StageChoice
from opportunities.selectors import choices

STAGE = StageChoice("st_lead", "Lead", 10, True, "open", "1", "pie-40")
OFFER = Offer(
    books=(BookChoice("bk_harbor", "Harbor"),),
    book=BookChoice("bk_harbor", "Harbor"),
    pipelines=(PipelineChoice("pl_new", "New money", "prospect", (STAGE,)),),
    household=HouseholdChoice("hh_alder", "Alder", "client", "bk_summit", "Summit", 0),
    owners=(OwnerChoice("us_owner", "Olivia", True, True), OwnerChoice("us_viewer", "Vera", False, False)),
)
KNOWN = st.sampled_from(
    ["", "bk_harbor", "pl_new", "st_lead", "hh_alder", "us_viewer", "640k", "2030-01-01", "50"]
)
FIELDS = st.dictionaries(st.sampled_from(CARRIED), KNOWN | st.text(max_size=300))


@given(FIELDS, st.sampled_from([OFFER, Offer()]))
def test_the_form_never_raises(fields: dict[str, str], offer: Offer) -> None:
    form = NewOpportunityForm(fields, offer=offer, today=timezone.now().date())

    if form.is_valid():
        form.deal()

    assert summary(form, submitted=True)
    assert form.as_p()
    assert all(sentence for _, sentence in form.problems())


@given(FIELDS, st.sampled_from([OFFER, Offer()]))
def test_a_settled_form_holds_only_what_is_offered(fields: dict[str, str], offer: Offer) -> None:
    values = adjust(typed_values(fields), offer).values

    assert values["book_id"] in ("", "bk_harbor")
    assert values["pipeline_id"] in ("", "pl_new")
    assert values["assigned_to_id"] in ("", "us_owner")
    assert adjust(values, offer).values == values


@given(st.text())
def test_a_query_string_is_read_without_an_error(text: str) -> None:
    typed = typed_values(QueryDict(text.encode("utf-8", "ignore")))

    assert all(letter.isprintable() or ord(letter) > 127 for value in typed.values() for letter in value)


@pytest.mark.django_db
@pytest.mark.parametrize("wild", ["\x00", "x" * 5000, "%", "' or 1=1 --", "\ud83d", "日本"])
def test_the_mirror_can_be_asked_for_anything(owner: Any, firm: Any, wild: str) -> None:
    typed = typed_values(dict.fromkeys(CARRIED, wild))

    offer = choices.offer(owner, typed)

    assert offer.household is None
    assert {choice.book_id for choice in offer.households} <= {"bk_harbor"}
