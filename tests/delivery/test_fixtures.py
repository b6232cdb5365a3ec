"""What the tests of this room stand on."""

from tests.support import first_sync
from tests.support.office import Office


def test_one_first_sync_of_the_sample_firm_serves_all_tests_of_a_process(office: Office) -> None:
    """Each of hundreds of tests would otherwise begin with a sync of a tenth of a second."""
    assert first_sync.is_kept()
