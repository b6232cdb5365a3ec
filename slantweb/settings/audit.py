"""The audit trail outside the database: checkpoints, witness, signing key, and the name of this machine."""

import socket

from slantweb.settings.environment import env

# Empty: `checkpoints` and `audit-signing-key` in VAR_DIR, and the key is made when first needed.
AUDIT_CHECKPOINT_DIR = env.text("AUDIT_CHECKPOINT_DIR")
AUDIT_WITNESS_DIR = env.text("AUDIT_WITNESS_DIR")
AUDIT_WITNESS_EMAILS = env.names("AUDIT_WITNESS_EMAILS")
AUDIT_SIGNING_KEY_FILE = env.text("AUDIT_SIGNING_KEY_FILE")
# This machine, as the head file outside the database names it (docs/operations.md).
MACHINE_NAME = env.str("MACHINE_NAME", default=socket.gethostname())
