"""Run the scripts that drive JavaScript clients against a node."""

import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CLIENT_TIMEOUT_S = 120


def run_script(name: str, *arguments: str) -> str:
    """The standard output of a client script; the test fails with its complaints if it does."""
    done = subprocess.run(
        ["node", str(HERE / name), *arguments], capture_output=True, text=True, timeout=CLIENT_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
