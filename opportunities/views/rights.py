"""What a view asks of a person before it does anything."""

from django.core.exceptions import PermissionDenied

from opportunities.access import Action, may
from opportunities.models import Person


def require(person: Person, action: Action) -> None:
    """Raises `PermissionDenied`, which answers 403, unless the person's role includes `action`."""
    if not may(person, action):
        raise PermissionDenied
