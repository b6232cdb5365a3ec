"""Checks of this machine and its settings: static files, secrets, checkpoints, disk, proxies."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

from opportunities.doctor.diagnosis import Diagnosis, Plan, Process, ok, problem, warning
from opportunities.runtime import static_files
from opportunities.trail import checkpoints, signing_keys

LITTLE_BYTES, LOW_BYTES = 200 * 1024**2, 2 * 1024**3
# systemd's LoadCredential: readable only by the unit's user, through an access list that the mode does not
# show.
CREDENTIALS = Path("/run/credentials")


def look_at_static_files(plan: Plan) -> Iterator[Diagnosis]:
    if plan.process == Process.WORKER:
        return
    missing = static_files.find_uncollected()
    if missing:
        names = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        yield problem(
            f"{names} not collected from this version: pages have no styles. manage.py collectstatic"
        )
    else:
        yield ok(f"collected in {settings.STATIC_ROOT}")


def look_at_secrets(plan: Plan) -> Iterator[Diagnosis]:
    key = signing_keys.key_file()
    if plan.process == Process.WEB:
        yield from _of_the_web(key)
        return
    if not settings.SLANT_API_TOKEN:
        yield problem("the worker has no token: set SLANT_API_TOKEN_FILE.")
    elif not settings.SLANT_API_TOKEN_FILE:
        yield warning("the token is a variable. A file is safer: SLANT_API_TOKEN_FILE.")
    else:
        yield from _of_one_user("the token's file", Path(settings.SLANT_API_TOKEN_FILE))
    if not settings.AUDIT_SIGNING_KEY_FILE:
        yield warning(
            f"the trail's key is made in {key.parent}. AUDIT_SIGNING_KEY_FILE can name one elsewhere."
        )
        return
    try:
        signing_keys.signing_key()
    except (OSError, signing_keys.NoKey) as why:
        yield problem(f"the trail's key cannot be used: {why}. docs/audit.md says how one is made.")
    else:
        yield from _of_one_user("the trail's key", key)


def _of_the_web(key: Path) -> Iterator[Diagnosis]:
    token = settings.SLANT_API_TOKEN_FILE
    if settings.SLANT_API_TOKEN and not token:
        yield problem("the web's variables hold SLANT_API_TOKEN. Give it to the worker alone.")
    readable_files = [
        path for path in (Path(token) if token else None, key) if path and os.access(path, os.R_OK)
    ]
    for path in readable_files:
        yield problem(f"the web can read {path}. Make it the worker's own: chown, chmod 600.")
    if not readable_files:
        yield ok("the web reads neither the token nor the trail's key")


def _of_one_user(name: str, path: Path) -> Iterator[Diagnosis]:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077 and not path.is_relative_to(CREDENTIALS):
        yield problem(f"{name}, {path}, has the mode {mode:o}: others can read it. chmod 600")
    else:
        yield ok(f"{name} is for one user")


def look_at_checkpoints(plan: Plan) -> Iterator[Diagnosis]:
    folder = checkpoints.folder()
    may = os.R_OK | os.X_OK | (os.W_OK if plan.process == Process.WORKER else 0)
    if not settings.AUDIT_CHECKPOINT_DIR:
        yield warning(
            f"AUDIT_CHECKPOINT_DIR is not set, so they are in {folder}. Another machine's folder is "
            "what shows that a trail was rewritten here."
        )
    elif not folder.is_dir():
        yield problem(f"there is no folder {folder}. Make it, as the worker's own, with mode 755.")
    elif not os.access(folder, may):
        needs = "write to" if plan.process == Process.WORKER else "read"
        yield problem(f"this user may not {needs} {folder}. It is to be the worker's own, with mode 755.")
    else:
        yield ok(str(folder))


def look_at_disk(plan: Plan) -> Iterator[Diagnosis]:
    for folder in {Path(settings.VAR_DIR), checkpoints.folder()}:
        if not folder.is_dir():
            continue
        if folder == Path(settings.VAR_DIR) and not os.access(folder, os.W_OK):
            yield problem(f"this user may not write to {folder}. Set VAR_DIR to a folder of its own.")
        free = shutil.disk_usage(folder).free
        space = f"{folder} has {free / 1024**2:,.0f} MB left"
        if free < LITTLE_BYTES:
            yield problem(f"{space}: a full disk stops all work. Make room.")
        elif free < LOW_BYTES:
            yield warning(f"{space}. Make room.")
        else:
            yield ok(space)


def look_at_proxies(plan: Plan) -> Iterator[Diagnosis]:
    if plan.process == Process.WORKER or settings.DEMO:
        return
    site = urlsplit(settings.SITE_URL)
    well = True
    if not validate_host(site.hostname or "", settings.ALLOWED_HOSTS):
        well = False
        yield problem(f"people open {settings.SITE_URL} (SITE_URL), and ALLOWED_HOSTS refuses that name.")
    if site.scheme != "https":
        well = False
        yield problem(
            "no name that people open is in ALLOWED_HOSTS: name it there, and set SITE_URL to https."
        )
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        if urlsplit(origin).scheme != "https":
            well = False
            yield problem(
                f"CSRF_TRUSTED_ORIGINS holds {origin}, which is not https: nobody can post from it."
            )
    if not settings.TRUSTED_PROXIES:
        well = False
        yield warning(
            "TRUSTED_PROXIES is empty: behind a proxy every page redirects to itself for ever, and the trail "
            "has the proxy's address. Name the proxy, unless gunicorn itself has the certificate."
        )
    if well:
        yield ok(f"{settings.SITE_URL} behind {', '.join(settings.TRUSTED_PROXIES)}")
