"""The key that signs mini-blocks: made once for a data directory, and kept in it."""

import os
import random
from pathlib import Path
from typing import Final

from primitives.errors import DatadirCorrupt, DatadirUnreadable
from primitives.signature import SECP256K1_N

FILE_NAME: Final = "sequencer.key"


def new_signing_key(rng: random.Random) -> bytes:
    """32 bytes, a valid secp256k1 private key."""
    return rng.randrange(1, SECP256K1_N).to_bytes(32, "big")


def read_signing_key(datadir: Path) -> bytes | None:
    """The key of a data directory, None if it has none yet; DatadirUnreadable or DatadirCorrupt."""
    file = datadir / FILE_NAME
    try:
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None  # Opening the data directory says what is wrong.
    except (OSError, UnicodeDecodeError) as error:
        raise DatadirUnreadable(f"{file} can't be read ({error}): change its owner or mode") from error
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32 or not 0 < int.from_bytes(key, "big") < SECP256K1_N:
        raise DatadirCorrupt(f"{file} is damaged (it is not a private key in hex): restore it from a copy")
    return key


def write_signing_key(datadir: Path, key: bytes) -> None:
    """Keep `key`, readable by its owner alone; it is on the disk when this returns."""
    file = datadir / FILE_NAME
    unfinished = file.with_suffix(".tmp")
    try:
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(key.hex() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(file)
        directory = os.open(datadir, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise DatadirUnreadable(f"{file} can't be written ({error.strerror}): make room or change the owner") from error
