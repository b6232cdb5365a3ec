from tests.support.office import box, clock, office, production_waits, theo

__all__ = ["box", "clock", "office", "production_waits", "theo"]
