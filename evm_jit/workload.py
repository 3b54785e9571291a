"""
One program on an engine, checked and timed: bytecode given by hand, or a workload file with the state it needs.

Two shapes of file are read:

1. one call: `caller`, `to`, `calldata`, `gas_limit`, `rules` (the fork), `accounts`, and `expected` (`gas_used`,
   `output`);
2. a state test with a list of transactions: `{name: {env, pre, transaction: [...]}}`, and perhaps `expected`.

Gas is that of the frame alone: no intrinsic gas, refunds not taken off. A transaction that has `raw`, its signed bytes,
is executed whole instead, with checks and fees. Every run starts from the given state.
"""

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from evm_jit.engine import Call, CallResult, Engine, Outcome
from evm_jit.state_tests import PreAccount, block_hash, number, octets, pre_account
from evm_jit.statetest import write_accounts
from evm_jit.trace_writer import TraceWriter
from primitives.block import BlockEnvironment
from primitives.constants import WEI_PER_ETHER, ZERO_ADDRESS, ZERO_HASH
from primitives.errors import ConfigError, LeveretError
from primitives.forks import Fork, fork_by_name
from primitives.keccak import keccak256
from primitives.transaction import Transaction, decode_transaction
from statestore.state import State
from statestore.trie import state_root

CALLER: Final = bytes.fromhex("00000000000000000000000000000000000c0ffe")
PROGRAM_ADDRESS: Final = bytes.fromhex("0000000000000000000000000000000000001000")
CHAIN_ID: Final = 1
# The files of the first shape name no block. Their state was made in blocks of this time, and what a swap costs depends
# on how long the last one is ago: the gas that they expect is that of a call at this very second.
TIMESTAMP: Final = 1_700_000_000
FORK_DEFAULT: Final = Fork.OSAKA
NO_ERROR: Final = "none"


@dataclass(frozen=True)
class Expected:
    """What a run must leave, each None where it is not known; `error` is "none" where there must not be one."""

    error: str | None = None
    receipts_hash: bytes | None = None
    state_root: bytes | None = None


@dataclass(frozen=True)
class Workload:
    """
    Calls in order over accounts, in a block, and after them signed transactions.

    `gas_expected` and `output_expected` are None where not known; `gas_used_before` is the gas of earlier transactions
    of the block.
    """

    calls: Sequence[Call]
    environment: BlockEnvironment
    accounts: Sequence[PreAccount]
    gas_expected: int | None = None
    output_expected: bytes | None = None
    transactions: Sequence[Transaction] = ()
    gas_used_before: int = 0
    expected: Expected = field(default_factory=Expected)


@dataclass
class Run:
    """Output and halt of the last call or transaction, the gas of all; the times of the execution alone."""

    output: bytes
    gas_used: int
    error: str | None
    engine: str
    times_ns: list[int] = field(default_factory=list)


class Left(NamedTuple):
    """What one run left behind, and the nanoseconds that it took."""

    results: list[CallResult]
    outcomes: Sequence[Outcome]
    state: State
    elapsed_ns: int


def run_workload(workload: Workload, engine: Engine, repetitions: int, trace: TraceWriter | None = None) -> Run:
    """One run that is checked and traced, and then, if `repetitions` is not 0, that many that are only timed."""
    left = run_once(workload, engine) if trace is None else _run_traced(workload, engine, trace)
    results = left.results + [_as_result(outcome) for outcome in left.outcomes]
    run = Run(
        output=results[-1].output,
        gas_used=sum(result.gas_used for result in results),
        error=next((result.halt for result in results if result.halt is not None), None),
        engine=engine.name,
        times_ns=[] if repetitions else [left.elapsed_ns],
    )
    _check(run, left, workload)
    for _ in range(repetitions):
        run.times_ns.append(run_once(workload, engine).elapsed_ns)
    return run


class WorkloadMismatch(LeveretError):
    """The run did not end as the workload's file says it must."""


def _check(run: Run, left: Left, workload: Workload) -> None:
    expected = workload.expected
    output, receipts, root = workload.output_expected, expected.receipts_hash, expected.state_root
    _compare(run, "gas used", run.gas_used, workload.gas_expected)
    _compare(run, "error", run.error or NO_ERROR, expected.error)
    _compare(run, "output", f"0x{run.output.hex()}", None if output is None else f"0x{output.hex()}")
    if receipts is not None:
        _compare(run, "receipts hash", receipts_hash(left.outcomes).hex(), receipts.hex())
    if root is not None:
        _compare(run, "state root", root_of(left.state).hex(), root.hex())


def _compare(run: Run, what: str, got: object, expected: object) -> None:
    if expected is not None and got != expected:
        raise WorkloadMismatch(f"{run.engine} engine: {what} is {got}, expected {expected}.")


def run_once(workload: Workload, engine: Engine) -> Left:
    """Execute it on a fresh state."""
    state = _state_before(workload)
    gc.collect()  # So that the garbage of the run before is not collected while this one is timed.
    begin = time.perf_counter_ns()
    results = [engine.call(call, workload.environment, state) for call in workload.calls]
    outcomes: Sequence[Outcome] = []
    if workload.transactions:
        outcomes = engine.execute(workload.transactions, workload.environment, state, workload.gas_used_before)
    return Left(results, outcomes, state, time.perf_counter_ns() - begin)


def _run_traced(workload: Workload, engine: Engine, trace: TraceWriter) -> Left:
    """Execute it on a fresh state, one transaction after the other, each with its summary behind its steps."""
    state = _state_before(workload)
    begin = time.perf_counter_ns()
    results: list[CallResult] = []
    outcomes: list[Outcome] = []
    for call in workload.calls:
        results.append(engine.call(call, workload.environment, state, trace))
        trace.end(results[-1].output, results[-1].gas_used, results[-1].halt)
    gas_used = workload.gas_used_before
    for transaction in workload.transactions:
        outcomes += engine.execute([transaction], workload.environment, state, gas_used, trace)
        trace.end_of(outcomes[-1])
        receipt = outcomes[-1].receipt
        gas_used = gas_used if receipt is None else receipt.cumulative_gas_used
    return Left(results, outcomes, state, time.perf_counter_ns() - begin)


def _state_before(workload: Workload) -> State:
    state = State()
    write_accounts(workload.accounts, state)
    state.seal_genesis()
    return state


def receipts_hash(outcomes: Sequence[Outcome]) -> bytes:
    """Names everything that receipts say, and the words of refusals."""
    parts: list[bytes] = []
    for outcome in outcomes:
        if outcome.receipt is None:
            parts.append(str(outcome.refusal).encode())
        else:
            receipt = outcome.receipt
            numbers = f"{receipt.gas_used} {receipt.effective_gas_price} {receipt.contract_address!r}"
            parts += [receipt.raw, numbers.encode()]
    return keccak256(b"".join(keccak256(part) for part in parts))


def root_of(state: State) -> bytes:
    """The root of all that is in a state."""
    state.seal()
    accounts = state.accounts_at(state.version)
    return state_root(
        (address, account, dict(state.storage_at(state.version, address))) for address, account in accounts
    )


def _as_result(outcome: Outcome) -> CallResult:
    if outcome.receipt is None:
        return CallResult(0, b"", (), str(outcome.refusal))
    return CallResult(outcome.receipt.gas_used, outcome.output, outcome.receipt.logs, outcome.halt)


def program(code: bytes, calldata: bytes, gas: int, fork: Fork | None = None) -> Workload:
    """A workload of one call into `code`, which gets `gas` and stands alone in the state with a rich caller."""
    accounts = [
        PreAccount(CALLER, 0, 1_000_000 * WEI_PER_ETHER, b"", {}),
        PreAccount(PROGRAM_ADDRESS, 1, 0, code, {}),
    ]
    call = Call(CALLER, PROGRAM_ADDRESS, gas, data=calldata, frame_only=True)
    return Workload([call], _environment(FORK_DEFAULT if fork is None else fork, gas), accounts)


def read_workload(path: Path, fork: Fork | None = None) -> Workload:
    """
    The workload in a file, on `fork` if given, else on the one that the file names.

    ConfigError names the file and what is wrong with it.
    """
    try:
        document = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: it can't be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: it is not JSON: {error}.") from error
    try:
        if "calldata" in document:
            return _checked(_single_call(document, fork))
        (test,) = document.values()
        return _checked(_transactions(test, fork))
    except KeyError as error:
        raise ConfigError(f"{path} is not a workload: it has no {error}.") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ConfigError(f"{path} is not a workload: {error}.") from error


def _single_call(document: Mapping[str, Any], fork: Fork | None) -> Workload:
    expected = document.get("expected", {})
    gas_limit = number(document["gas_limit"])
    call = Call(
        sender=octets(document["caller"]),
        to=octets(document["to"]),
        gas_limit=gas_limit,
        data=octets(document["calldata"]),
        frame_only=True,
    )
    return Workload(
        calls=[call],
        environment=_environment(fork_by_name(document["rules"]) if fork is None else fork, gas_limit),
        accounts=[pre_account(address, fields) for address, fields in document["accounts"].items()],
        gas_expected=number(expected["gas_used"]) if "gas_used" in expected else None,
        output_expected=octets(expected["output"]) if "output" in expected else None,
    )


def _transactions(test: Mapping[str, Any], fork: Fork | None) -> Workload:
    entries = test["transaction"]
    if not entries:
        raise ValueError("there is no transaction in it")
    env, expected = test["env"], test.get("expected", {})
    return Workload(
        calls=[_call(entry) for entry in entries if "raw" not in entry],
        transactions=[decode_transaction(octets(entry["raw"])) for entry in entries if "raw" in entry],
        environment=_block(env, fork),
        accounts=[pre_account(address, fields) for address, fields in test["pre"].items()],
        gas_expected=number(expected["gas_used"]) if "gas_used" in expected else None,
        output_expected=octets(expected["output"]) if "output" in expected else None,
        gas_used_before=number(env.get("gasUsedBefore", 0)),
        expected=Expected(
            error=expected.get("error"),
            receipts_hash=octets(expected["receipts_hash"]) if "receipts_hash" in expected else None,
            state_root=octets(expected["state_root"]) if "state_root" in expected else None,
        ),
    )


def _call(entry: Mapping[str, Any]) -> Call:
    return Call(
        sender=octets(entry["sender"]),
        to=octets(entry["to"]) or None,
        gas_limit=number(entry["gasLimit"]),
        value=number(entry["value"]),
        data=octets(entry["data"]),
        frame_only=True,
    )


def _checked(workload: Workload) -> Workload:
    """The same; ValueError for a number or an address that no state, block or call can have."""
    accounts, calls, block = workload.accounts, workload.calls, workload.environment
    widths = [
        *((account.nonce, 64) for account in accounts),
        *((account.balance_wei, 256) for account in accounts),
        *((word, 256) for account in accounts for slot in account.storage.items() for word in slot),
        *((call.gas_limit, 64) for call in calls),
        *((call.value, 256) for call in calls),
        (block.number, 63),
        *((word, 64) for word in (block.chain_id, block.timestamp, block.gas_limit, block.excess_blob_gas)),
        *((word, 256) for word in (block.base_fee_per_gas, block.difficulty)),
        (workload.gas_used_before, 63),
    ]
    for value, bits in widths:
        if value < 0:
            raise ValueError(f"{value} is negative")
        if value.bit_length() > bits:
            raise ValueError(f"there is a number of {value.bit_length()} bits in place of one of {bits}")
    callers = [address for call in calls for address in (call.sender, call.to) if address is not None]
    for address in (*callers, *(account.address for account in accounts), block.coinbase):
        if len(address) != len(ZERO_ADDRESS):
            raise ValueError(f"there is an address of {len(address)} bytes")
    return workload


def _block(env: Mapping[str, Any], fork: Fork | None) -> BlockEnvironment:
    """The block that an `env` describes; a file of the shadow engine says more than others."""
    hashes = {number(height): octets(digest) for height, digest in env.get("blockHashes", {}).items()}
    if fork is None:  # Frontier is false.
        fork = fork_by_name(env["fork"]) if "fork" in env else FORK_DEFAULT
    return BlockEnvironment(
        fork=fork,
        chain_id=number(env.get("chainId", CHAIN_ID)),
        number=number(env["currentNumber"]),
        timestamp=number(env["currentTimestamp"]),
        gas_limit=number(env["currentGasLimit"]),
        coinbase=octets(env["currentCoinbase"]),
        base_fee_per_gas=number(env["currentBaseFee"]),
        prev_randao=number(env.get("currentRandom", 0)).to_bytes(32, "big"),
        difficulty=number(env.get("currentDifficulty", 0)),
        excess_blob_gas=number(env.get("currentExcessBlobGas", 0)),
        block_hash=(lambda height: hashes.get(height, ZERO_HASH)) if hashes else block_hash,
    )


def _environment(fork: Fork, gas_limit: int) -> BlockEnvironment:
    return BlockEnvironment(
        fork=fork, chain_id=CHAIN_ID, number=1, timestamp=TIMESTAMP, gas_limit=gas_limit, block_hash=block_hash
    )
