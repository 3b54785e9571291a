"""Where tests of what lasts put their files."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

RAM = Path("/dev/shm")


@pytest.fixture(scope="session")
def ram_root() -> Iterator[Path]:
    """A directory in RAM where there is such a thing: thousands of fsyncs take a minute on a busy disk."""
    is_usable = RAM.is_dir() and os.access(RAM, os.W_OK | os.X_OK)
    root = Path(tempfile.mkdtemp(prefix="leveret-", dir=RAM if is_usable else None))
    yield root
    shutil.rmtree(root)


@pytest.fixture
def tmp_path(ram_root: Path) -> Path:
    """A directory of its own for one test, in RAM if possible."""
    return Path(tempfile.mkdtemp(dir=ram_root))
