"""Nothing a finished submission says changes any more, and what the person saw never does.

0002 froze what was asked for and kept a final state. What the page tells beside it (what was seen and in which words, why
it ended so, what Slant said, how often it was tried, when) could still be changed without dropping a trigger. Once final
only `told` moves: whether its owner has read the news. Only triggers are exchanged; no row is touched.
"""

from importlib import import_module

from django.db import migrations

before = import_module("opportunities.migrations.0002_append_only")

SEEN = ("seen", "labels", "supersedes_id", "duplicate_of")
# Every column there is but those frozen from the beginning, and `told`.
SETTLED = ("state", "opportunity_id", "idempotency_key", "generation", "fence", "lease_owner", "lease_until", "due_at",
           "attempts_count", "ambiguous_at", "first_sent_at", "last_sent_at", "unknown_since", "quiet_until", "looks",
           "check_state", "absent_at", "still_wanted_at", "reason_code", "reason_text", "field_errors", "remote_status",
           "mismatches", "settled_at")
NAMES = ("submission_frozen", "submission_final")


def _rules(different):
    # A change names its record from the beginning, a create gets one once.
    other_record = f"(OLD.opportunity_id <> '' AND {before._changed(('opportunity_id',), different)})"
    return [
        ("submission_frozen", f"{before._changed((*before.FROZEN, *SEEN), different)} OR {other_record}",
         "what was asked for cannot be changed"),
        ("submission_final", "OLD.state IN ('confirmed', 'rejected', 'withdrawn') AND "
         f"({before._changed(SETTLED, different)})", "a final state stays"),
    ]


def _rules_before(different):
    return [(name, condition, message) for name, _, _, condition, message in before._rules(different) if name in NAMES]


def _exchange(schema_editor, rules):
    postgresql = schema_editor.connection.vendor == "postgresql"
    for name, condition, message in rules("IS DISTINCT FROM" if postgresql else "IS NOT"):
        on = f" ON {before.SUBMISSIONS}" if postgresql else ""
        schema_editor.execute(f"DROP TRIGGER {name}{on}")
        then = (
            f"EXECUTE FUNCTION slantweb_refuse('{message}')" if postgresql
            else f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        when = f"({condition})" if postgresql else condition
        schema_editor.execute(
            f"CREATE TRIGGER {name} BEFORE UPDATE ON {before.SUBMISSIONS} FOR EACH ROW WHEN {when} {then}"
        )


def install(apps, schema_editor):
    _exchange(schema_editor, _rules)


def remove(apps, schema_editor):
    _exchange(schema_editor, _rules_before)


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0011_busy_in_a_row")]

    operations = [migrations.RunPython(install, remove)]
