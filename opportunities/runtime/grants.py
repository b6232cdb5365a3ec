"""The rights of the roles of worker and web in PostgreSQL: as statements, and compared with their actual
rights.

The owner of the tables migrates and grants; the two roles only work (docs/operations.md, "Two accounts").
"""

from collections import defaultdict
from collections.abc import Iterable

from django.apps import apps
from django.db import connection, transaction

# Also the only role of a deployment in which web and worker share one.
WORKER = "slantweb_app"
WEB = "slantweb_web"
ROLES = (WORKER, WEB)

READ = frozenset({"SELECT"})
ADD = READ | {"INSERT"}
CHANGE = READ | {"UPDATE"}
WRITE = ADD | CHANGE
EVERYTHING = WRITE | {"DELETE"}
KNOWN_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")

MIGRATIONS = "django_migrations"
# The worker may do everything with every other table.
WORKER_RIGHTS = {
    # Events are added and read. The head of the trail is updated, and never removed.
    "opportunities_auditevent": ADD,
    "opportunities_chainhead": CHANGE,
    # Submissions and attempts are added and updated, never removed.
    "opportunities_submission": WRITE,
    "opportunities_attempt": WRITE,
    # Only the owner records which migrations ran.
    MIGRATIONS: READ,
}
# The web reads every table, and writes what people enter. It writes nothing that decides what a worker sends.
WEB_RIGHTS = {
    "opportunities_auditevent": ADD,
    "opportunities_exportsignature": ADD,
    "opportunities_chainhead": CHANGE,
    "opportunities_submission": WRITE,
    "opportunities_bulkorder": WRITE,
    "opportunities_person": WRITE,
    "opportunities_lostreason": WRITE,
    "opportunities_stagemeaning": WRITE,
    "opportunities_alert": WRITE,
    "opportunities_alertmail": WRITE,
    "opportunities_lease": WRITE,
    # A stage's meaning, which a manager sets, changes open boards.
    "opportunities_mirrorrevision": CHANGE,
    "opportunities_stagetotal": WRITE,
    "django_session": EVERYTHING,
    "opportunities_draft": EVERYTHING,
    "opportunities_savedview": EVERYTHING,
    "opportunities_target": EVERYTHING,
    "opportunities_limitcount": EVERYTHING,
    "opportunities_hold": EVERYTHING,
    "opportunities_opensession": EVERYTHING,
    "opportunities_pendingalert": EVERYTHING,
}
# Single columns beside them.
WEB_COLUMNS = {"opportunities_pipeline": ("revision",)}
# The web needs one lease: the one for checking whether anything is wrong.
LEASES = "opportunities_lease"
WEB_LEASE = "watch"

SEQUENCES = f"""DO $$ DECLARE one regclass; BEGIN
  FOR one IN SELECT oid FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
    AND pg_has_role(relowner, 'USAGE')
  LOOP EXECUTE format('GRANT USAGE, SELECT ON SEQUENCE %s TO {WORKER}, {WEB}', one); END LOOP;
END $$"""  # noqa: S608 - names of ours


class CannotGrant(Exception):
    """Nothing was changed. `reasons` are sentences that say what is missing and what to do."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


def all_tables() -> list[str]:
    """The tables of all models, and the one of the migrations. Other tables are not touched."""
    models = apps.get_models(include_auto_created=True)
    tables = {model._meta.db_table for model in models if model._meta.managed and not model._meta.proxy}
    return sorted({*tables, MIGRATIONS})


def rights_of(role: str, table: str) -> frozenset[str]:
    return WORKER_RIGHTS.get(table, EVERYTHING) if role == WORKER else WEB_RIGHTS.get(table, READ)


def statements() -> list[str]:
    """The statements to run as the owner, in one transaction. Running them twice does no harm."""
    sql = [f"REVOKE ALL ON {', '.join(all_tables())} FROM {WORKER}, {WEB}"]
    for role in ROLES:
        sql += [f"GRANT USAGE ON SCHEMA public TO {role}", f"REVOKE CREATE ON SCHEMA public FROM {role}"]
        alike: dict[frozenset[str], list[str]] = defaultdict(list)
        for table in all_tables():
            alike[rights_of(role, table)].append(table)
        for rights, tables in alike.items():
            sql.append(f"GRANT {', '.join(sorted(rights))} ON {', '.join(tables)} TO {role}")
    for table, columns in WEB_COLUMNS.items():
        sql.append(f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO {WEB}")
    return [
        *sql,
        SEQUENCES,
        f"ALTER TABLE {LEASES} ENABLE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS every_lease ON {LEASES}",
        f"CREATE POLICY every_lease ON {LEASES} TO {WORKER} USING (true)",
        f"DROP POLICY IF EXISTS lease_of_the_watch ON {LEASES}",
        f"CREATE POLICY lease_of_the_watch ON {LEASES} TO {WEB} USING (name = '{WEB_LEASE}')",
        # A table of a later migration can be read at once, and written after the next grants.
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {WORKER}, {WEB}",
    ]


def grant_all() -> None:
    """Run all statements or none. Raises `CannotGrant`."""
    if reasons := _obstacles():
        raise CannotGrant(reasons)
    with transaction.atomic(), connection.cursor() as cursor:
        # It is better to fail than to make pages wait behind this lock.
        cursor.execute("SET LOCAL lock_timeout = '10s'")
        for statement in statements():
            cursor.execute(statement, None)
        if differences := [words for role in ROLES for words in compare_rights(role, role)]:
            raise CannotGrant(differences)


def compare_rights(role: str, expected_role: str) -> list[str]:
    """How what `role` can do differs from the rights of `expected_role` (WORKER or WEB), in sentences."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.name, known.name, has_table_privilege(%s, 'public.' || wanted.name, known.name) "
            "FROM unnest(%s::text[]) wanted (name), unnest(%s::text[]) known (name) "
            "WHERE to_regclass('public.' || wanted.name) IS NOT NULL",
            [role, all_tables(), list(KNOWN_RIGHTS)],
        )
        rows = cursor.fetchall()
        cursor.execute("SELECT has_schema_privilege(%s, 'public', 'CREATE')", [role])
        may_create = cursor.fetchone()[0]
    lacks: dict[str, list[str]] = defaultdict(list)
    exceeds: dict[str, list[str]] = defaultdict(list)
    for table, right, has in rows:
        if has != (right in rights_of(expected_role, table)):
            (exceeds if has else lacks)[right].append(table)
    words = [f"{role} may not {right} {_list_names(tables)}." for right, tables in lacks.items()]
    words += [
        f"{role} may {right} {_list_names(tables)}, by itself, by PUBLIC or by a role it is a member of."
        for right, tables in exceeds.items()
    ]
    if may_create:
        words.append(
            f"{role} may make tables. As a superuser, in this database: "
            f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role};"
        )
    return words


def _obstacles() -> list[str]:
    """What prevents granting, each with what to do. Changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        me = cursor.fetchone()[0]
        cursor.execute("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)])
        roles = dict(cursor.fetchall())
        cursor.execute(
            "SELECT name, pg_get_userbyid(relowner), pg_has_role(relowner, 'USAGE') "
            "FROM unnest(%s::text[]) name "
            "LEFT JOIN pg_class ON pg_class.oid = to_regclass('public.' || name)",
            [all_tables()],
        )
        tables = cursor.fetchall()
    obstacles = [
        f"There is no role {role}. As a superuser, or a role with CREATEROLE: "
        f"CREATE ROLE {role} LOGIN PASSWORD '...';"
        for role in ROLES
        if role not in roles
    ]
    obstacles += [
        f"{role} is a superuser, to whom no right can be refused: ALTER ROLE {role} NOSUPERUSER;"
        for role, is_super in roles.items()
        if is_super
    ]
    if missing := [name for name, owner, _ in tables if owner is None]:
        obstacles.append(f"There is no {_list_names(missing)}. First, as {me}: manage.py migrate")
    owners: dict[str, list[str]] = defaultdict(list)
    for name, owner, is_mine in tables:
        if owner is not None and not is_mine:
            owners[owner].append(name)
    for owner, names in owners.items():
        obstacles.append(f"{_list_names(names)} belong to {owner}, and you are {me}. Run this as {owner}.")
    return obstacles


def _list_names(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
