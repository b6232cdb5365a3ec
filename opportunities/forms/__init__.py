"""What browsers send, checked: one small form a user intention. Forms never speak to Slant."""

from .preferences import PreferencesForm

__all__ = ["PreferencesForm"]
