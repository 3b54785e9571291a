"""
Transactions through JSON-RPC: a real node with fsync, clients on loopback, from raw bytes to receipts.

The clock runs from the first request until the receipt of every transaction was fetched and found successful.
"""

import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from bench.engine_bench import Measurement
from bench.workloads import BALANCE_OF_SELECTOR, FUNDS_WEI, Workload
from primitives.constants import CHAIN_ID_DEFAULT, RPC_BATCH_ITEMS_MAX
from primitives.transaction import Transaction

CONNECTIONS = 4
RECEIPTS_TIMEOUT_S = 300
ROOT = Path(__file__).resolve().parents[1]


class RpcError(AssertionError):
    """The node answered a benchmark's request with an error."""


def batch_body(method: str, parameters: Sequence[Sequence[object]]) -> bytes:
    """A batch request: one call for each list of parameters."""
    return msgspec.json.encode(
        [{"jsonrpc": "2.0", "id": index, "method": method, "params": each} for index, each in enumerate(parameters)]
    )


class Connection:
    """One keep-alive HTTP/1.1 connection; requests one after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._head = f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"

    async def batch(self, method: str, parameters: Sequence[Sequence[object]]) -> list[object]:
        """The results of one batch request, in order."""
        answers = msgspec.json.decode(await self.post(batch_body(method, parameters)))
        for answer in answers:
            if "error" in answer:
                raise RpcError(f"{method}: {answer['error']}")
        return [answer["result"] for answer in answers]

    async def post(self, body: bytes) -> bytes:
        """The body of the answer."""
        self._writer.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert length is not None, head
        return await self._reader.readexactly(int(length[1]))

    def close(self) -> None:
        """Let go of the socket."""
        self._writer.close()


class ChainOverRpc:
    """A `Chain` to check: values prefetched through JSON-RPC, since checks are not asynchronous."""

    def __init__(self, url: str) -> None:
        self._url = url

    def balance(self, address: bytes) -> int:
        """Ether of an account."""
        return self._ask("eth_getBalance", ["0x" + address.hex(), "latest"])

    def token_balance(self, token: bytes, owner: bytes) -> int:
        """Token units of an account, asked of the contract."""
        data = "0x" + (BALANCE_OF_SELECTOR + owner.rjust(32, b"\0")).hex()
        return self._ask("eth_call", [{"to": "0x" + token.hex(), "data": data}, "latest"])

    def _ask(self, method: str, parameters: list[object]) -> int:
        async def ask() -> object:
            async with connections(self._url, 1) as (connection,):
                return (await connection.batch(method, [parameters]))[0]

        return int(str(asyncio.run(ask())), 16)


@asynccontextmanager
async def connections(url: str, count: int) -> AsyncIterator[list[Connection]]:
    """`count` open connections to the node."""
    host, port = url.removeprefix("http://").split(":")
    opened = [Connection(*await asyncio.open_connection(host, int(port)), host) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


def measure_rpc(
    workload: Workload, funded: list[bytes], engine: str, repetitions: int, tick: Callable[[], None]
) -> Measurement:
    """Send `workload` to a fresh node `repetitions` times; `tick` is called after each."""
    seconds = []
    gas_used = 0
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory(prefix="leveret-bench-") as folder:
            genesis = write_genesis(Path(folder), funded)
            command = [sys.executable, "-m", "leveret", "node", "--port", "0", "--engine", engine]
            command += ["--datadir", f"{folder}/data", "--genesis", str(genesis)]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as node:
                try:
                    url = wait_for_url(node)
                    elapsed, gas_used = asyncio.run(_send_and_wait(url, workload))
                    workload.check(ChainOverRpc(url))
                finally:
                    node.send_signal(signal.SIGTERM)
        seconds.append(elapsed)
        tick()
    return Measurement(workload.name, "JSON-RPC, fsync", len(workload.transactions), gas_used, tuple(seconds))


async def _send_and_wait(url: str, workload: Workload) -> tuple[float, int]:
    """Seconds from the first request to the last receipt, and the gas used."""
    async with connections(url, CONNECTIONS) as opened:
        await _send(opened[:1], workload.setup)
        await _receipts(opened[0], workload.setup)
        began = time.perf_counter()
        await _send(opened, workload.transactions)
        gas_used = await _receipts(opened[0], workload.transactions)
        return time.perf_counter() - began, gas_used


async def _send(opened: list[Connection], transactions: Sequence[Transaction]) -> None:
    """Spread batches over the connections: a nonce may overtake the one before it, and waits in the mempool."""
    raw = [["0x" + transaction.raw.hex()] for transaction in transactions]
    batches = [raw[start : start + RPC_BATCH_ITEMS_MAX] for start in range(0, len(raw), RPC_BATCH_ITEMS_MAX)]

    async def send(lane: int) -> None:
        for batch in batches[lane :: len(opened)]:
            await opened[lane].batch("eth_sendRawTransaction", batch)

    await asyncio.gather(*[send(lane) for lane in range(len(opened))])


async def _receipts(connection: Connection, transactions: Sequence[Transaction]) -> int:
    """Wait for the receipt of each transaction, last one first asked; the gas that all of them used."""
    deadline = time.monotonic() + RECEIPTS_TIMEOUT_S
    missing = [["0x" + transaction.hash.hex()] for transaction in transactions]
    gas_used = 0
    while missing:
        assert time.monotonic() < deadline, f"{len(missing)} receipts are missing after {RECEIPTS_TIMEOUT_S} s"
        page = missing[:RPC_BATCH_ITEMS_MAX]
        answers = await connection.batch("eth_getTransactionReceipt", page)
        for answer in answers:
            if isinstance(answer, dict):
                assert answer["status"] == "0x1", f"transaction {answer['transactionHash']} failed"
                gas_used += int(answer["gasUsed"], 16)
        late = [hash_ for hash_, answer in zip(page, answers, strict=True) if answer is None]
        missing = late + missing[len(page) :]
        if late:
            await asyncio.sleep(0.005)
    return gas_used


def write_genesis(folder: Path, funded: list[bytes]) -> Path:
    """A genesis file that funds the senders."""
    config: dict[str, object] = {"chainId": CHAIN_ID_DEFAULT, "terminalTotalDifficulty": 0}
    for key in ("homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg", "istanbul"):
        config[f"{key}Block"] = 0
    config |= {"berlinBlock": 0, "londonBlock": 0, "mergeNetsplitBlock": 0}
    config |= {"shanghaiTime": 0, "cancunTime": 0, "pragueTime": 0, "osakaTime": 0}
    alloc = {"0x" + address.hex(): {"balance": hex(FUNDS_WEI)} for address in funded}
    path = folder / "genesis.json"
    header = {"gasLimit": hex(10**9), "difficulty": "0x0", "timestamp": "0x0", "baseFeePerGas": hex(10**6)}
    path.write_text(json.dumps({"config": config, "alloc": alloc, **header}))
    return path


def wait_for_url(node: "subprocess.Popen[str]") -> str:
    """Where a node that has just been started listens."""
    assert node.stdout is not None
    lines = []
    for line in node.stdout:
        lines.append(line)
        if line.startswith("Listening on "):
            return line.removeprefix("Listening on ").strip()
    raise AssertionError("the node ended before it listened:\n" + "".join(lines))
