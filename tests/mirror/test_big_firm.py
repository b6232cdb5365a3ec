"""The firm of the benchmarks agrees with itself, as one that sync had brought would."""

import pytest

from opportunities.mirror import totals
from opportunities.models import Opportunity, OpportunityVersion
from tests.mirror.conftest import kept
from tests.support import firm as firms


def test_a_firm_copied_in_the_database_has_as_many_deals_versions_and_totals_as_it_says(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firms, "MADE_ONE_BY_ONE", 40)

    firms.load_firm(deals=100, versions=3)

    assert Opportunity.objects.count() == 100
    current = OpportunityVersion.objects.filter(valid_to=None)
    assert set(current.values_list("opportunity_id", "stage_id", "value")) == set(
        Opportunity.objects.values_list("pk", "stage_id", "value")
    )
    assert OpportunityVersion.objects.count() > 150
    assert kept() == totals.count_totals()
