"""Makes the files that the processes write readable only by their own user: database, state, keys, logs."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

OTHERS = 0o077
# The proxy, which has another user, serves these.
PUBLIC_COMMANDS = ("collectstatic",)


def make_new_files_private(command: str) -> None:
    """Make new files of this process and its children private. Only `command`s that write for other users are
    excepted.
    """
    os.umask(0o022 if command in PUBLIC_COMMANDS else OTHERS)


def take_from_others(var_dir: Path, database: str) -> None:
    """Make files of earlier versions private:

    our own files in VAR_DIR, and the SQLite database. Public keys stay readable. Folders in VAR_DIR are not
    changed, because static files are for everybody.
    """
    for path in _files(var_dir, database):
        # Other processes remove files meanwhile.
        with suppress(FileNotFoundError):
            status = path.lstat()
            if S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_mode & OTHERS:
                path.chmod(status.st_mode & 0o700)


def _files(var_dir: Path, database: str) -> Iterator[Path]:
    for folder in (var_dir, var_dir / "log"):
        if folder.is_dir():
            yield from (path for path in folder.iterdir() if path.suffix != ".pub")
    if database.startswith("/"):
        yield from (Path(database + ending) for ending in ("", "-wal", "-shm"))
