"""Reading small files from folders that others may write into, so that nothing in them holds up a worker."""

import errno
import os
import stat
from pathlib import Path

# A checkpoint or a note has less than a kilobyte.
MOST_BYTES = 1024 * 1024


class NotPlain(OSError):
    """There is something else than a small file."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "it is no plain file, or too long")


def read_plain(path: Path) -> bytes:
    """The content of a small file. Raises `NotPlain` for a pipe, a device, a folder or a long file."""
    try:
        # Opening a pipe would wait for somebody who writes into it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except IsADirectoryError as problem:
        raise NotPlain from problem
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            raise NotPlain
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(MOST_BYTES)
    finally:
        os.close(handle)
