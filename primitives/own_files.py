"""
Files that hold machine code, which runs when it is loaded: read only if nobody but this user can have written them, and
written under another name and renamed, so that they are there as a whole or not at all.
"""

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

FOREIGN_MODES: Final = stat.S_IRWXG | stat.S_IRWXO  # Nobody else's business, not even to read.
TEMPORARY_SUFFIX: Final = ".tmp"


def read_own_file(path: Path, size_bytes_max: int) -> bytes | None:
    """The content; None if it is not this user's alone, no plain file, or larger. OSError if it can't be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        is_ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & FOREIGN_MODES
        return file.read() if is_ours and status.st_size <= size_bytes_max else None


def write_own_file(path: Path, content: bytes) -> None:
    """Write or replace it, with mode 0600; OSError if the disk does not take it, and what was there stays."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=TEMPORARY_SUFFIX)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
