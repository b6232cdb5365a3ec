"""All checks, in the order in which their problems should be fixed."""

from collections.abc import Iterator

from django.db import DatabaseError

from opportunities.doctor import database, machine, others
from opportunities.doctor.diagnosis import Diagnosis, Level, Look, Plan

LOOKS: dict[str, Look] = {
    "database": database.look_at_role,
    "migrations": database.look_at_migrations,
    "rights": database.look_at_rights,
    "connections": database.look_at_connections,
    "clock": database.look_at_clock,
    "secrets": machine.look_at_secrets,
    "static files": machine.look_at_static_files,
    "checkpoints": machine.look_at_checkpoints,
    "disk": machine.look_at_disk,
    "proxies": machine.look_at_proxies,
    "sign-on": others.look_at_sign_on,
    "mail": others.look_at_mail,
    "Slant": others.look_at_slant,
}


def examine(plan: Plan) -> Iterator[tuple[str, Diagnosis]]:
    """The name and the result of each check. A check that fails does not stop the others."""
    for name, look in LOOKS.items():
        try:
            for finding in look(plan):
                yield name, finding
        except DatabaseError as why:
            words = str(why).strip().partition("\n")[0]
            yield name, Diagnosis(Level.NOT_SEEN, f"the database does not tell: {words}")
        except Exception as why:
            yield name, Diagnosis(Level.NOT_SEEN, f"could not look: {type(why).__name__}: {why}")
