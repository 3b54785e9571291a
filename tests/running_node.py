"""A real node on a free port, started as its own process."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOKEN_FILE = ROOT / "bench" / "contracts" / "Token.json"
CHAIN_ID = 125_671
DEV_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


@dataclass(frozen=True)
class RunningNode:
    """`url` for HTTP, `socket_url` for WebSocket, `banner` everything that it printed until it listened."""

    url: str
    socket_url: str
    banner: str
    process: subprocess.Popen[str]


@contextmanager
def running_node(*flags: str, program: Sequence[str] = ("-m", "leveret")) -> Iterator[RunningNode]:
    """`leveret node` on a free port with `flags`; ended with SIGTERM when the block is left."""
    command = [sys.executable, *program, "node", "--port", "0", *flags]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEVERET_")}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _wait_until_it_listens(process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def _wait_until_it_listens(process: subprocess.Popen[str]) -> RunningNode:
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        listening = re.match(r"Listening on http://(127\.0\.0\.1:\d+)$", line)
        if listening:
            return RunningNode(f"http://{listening[1]}", f"ws://{listening[1]}", "".join(lines), process)
    raise AssertionError("the node ended before it listened:\n" + "".join(lines))
