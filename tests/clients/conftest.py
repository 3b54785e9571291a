"""A real node, and the npm packages of the clients that are driven against it."""

import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.scripts import HERE
from tests.running_node import TOKEN_FILE, RunningNode, running_node


@pytest.fixture(scope="module")
def node() -> Iterator[RunningNode]:
    with running_node("--ephemeral") as started:
        yield started


@pytest.fixture(scope="session")
def npm_packages() -> Path:
    """The folder of the installed packages; they are installed once for a given lock file."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: the JavaScript clients can't be run")
    modules = HERE / "node_modules"
    stamp = modules / ".installed"
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    with (HERE / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Several test workers, one installation.
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run(["npm", "ci", "--loglevel=error"], cwd=HERE, check=True, timeout=600)
            stamp.write_text(wanted)
    return modules


@pytest.fixture(scope="session")
def token() -> dict[str, object]:
    """ABI and creation code of the token that the clients deploy."""
    artifact: dict[str, object] = json.loads(TOKEN_FILE.read_text())
    return artifact
