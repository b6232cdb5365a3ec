"""Web processes of another account, or watched for what they open."""

import os
import pwd
import sys
from pathlib import Path

from tests.support.environment import ROOT

# The web process as it is, which notes each file of another's that it opens.
WATCHED_WEB = """
import os, runpy, sys
secrets, noted = os.environ["WATCHED"].split(":"), os.environ["NOTED"]
def note(event, arguments):
    if event == "open" and str(arguments[0]) in secrets:
        handle = os.open(noted, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, str(arguments[0]).encode() + b"\\n")
        os.close(handle)
sys.addaudithook(note)
sys.argv = ["gunicorn", *sys.argv[1:]]
runpy.run_module("gunicorn", run_name="__main__", alter_sys=True)
"""
# The web process as it is, under the account ACCOUNT.
WEB_OF_ANOTHER = """
import os, runpy, sys
uid = int(os.environ.pop("ACCOUNT"))
if uid:
    os.setgroups([]), os.setgid(uid), os.setuid(uid)
sys.argv = ["gunicorn", *sys.argv[1:]]
runpy.run_module("gunicorn", run_name="__main__", alter_sys=True)
"""


def another_account() -> int:
    """The number of an account that is not ours, where we may become it; else 0."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else 0


def account_for_web() -> int:
    """Another account, where that one can read this checkout and the packages; else 0.

    With 0 the web is of our account, and the role of the database alone is tried.
    """
    ways = [*ROOT.parents, ROOT, Path(sys.prefix).resolve(), *Path(sys.executable).resolve().parents]
    can_read = all(way.stat().st_mode & 0o005 == 0o005 for way in ways)
    return another_account() if can_read else 0
