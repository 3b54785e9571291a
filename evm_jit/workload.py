"""
One program on an engine, checked and timed: bytecode given by hand, or a workload file with the state it needs.

Two shapes of file are read:

1. one call: `caller`, `to`, `calldata`, `gas_limit`, `rules` (the fork), `accounts`, and `expected` (`gas_used`,
   `output`);
2. a state test with a list of transactions: `{name: {env, pre, transaction: [...]}}`, nothing expected.

Gas is that of the frame alone: no intrinsic gas, refunds not taken off. Every run starts from the given state.
"""

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from evm_jit.engine import Call, CallResult, Engine
from evm_jit.state_tests import PreAccount, block_hash, number, octets, pre_account
from evm_jit.statetest import write_accounts
from primitives.block import BlockEnvironment
from primitives.constants import WEI_PER_ETHER
from primitives.errors import ConfigError, LeveretError
from primitives.forks import Fork, fork_by_name
from statestore.state import State

CALLER: Final = bytes.fromhex("00000000000000000000000000000000000c0ffe")
PROGRAM_ADDRESS: Final = bytes.fromhex("0000000000000000000000000000000000001000")
CHAIN_ID: Final = 1
# The files of the first shape name no block. Their state was made in blocks of this time, and what a swap costs depends
# on how long the last one is ago: the gas that they expect is that of a call at this very second.
TIMESTAMP: Final = 1_700_000_000
FORK_DEFAULT: Final = Fork.OSAKA


@dataclass(frozen=True)
class Workload:
    """Calls in order over accounts, in a block; `gas_expected` and `output_expected` are None where not known."""

    calls: Sequence[Call]
    environment: BlockEnvironment
    accounts: Sequence[PreAccount]
    gas_expected: int | None = None
    output_expected: bytes | None = None


@dataclass
class Run:
    """Output and halt of the last call, the gas of all; the times of the execution alone."""

    output: bytes
    gas_used: int
    error: str | None
    engine: str
    times_ns: list[int] = field(default_factory=list)


def run_workload(workload: Workload, engine: Engine, repetitions: int) -> Run:
    """One run that is checked, and then, if `repetitions` is not 0, that many that are only timed."""
    first, first_ns = _run_once(workload, engine)
    run = Run(
        output=first[-1].output,
        gas_used=sum(result.gas_used for result in first),
        error=next((result.halt for result in first if result.halt is not None), None),
        engine=engine.name,
        times_ns=[] if repetitions else [first_ns],
    )
    _check(run, workload)
    for _ in range(repetitions):
        run.times_ns.append(_run_once(workload, engine)[1])
    return run


class WorkloadMismatch(LeveretError):
    """The run did not end as the workload's file says it must."""


def _check(run: Run, workload: Workload) -> None:
    if workload.gas_expected is not None and run.gas_used != workload.gas_expected:
        raise WorkloadMismatch(f"{run.engine} engine: gas used is {run.gas_used}, expected {workload.gas_expected}.")
    if workload.output_expected is not None and run.output != workload.output_expected:
        expected = workload.output_expected.hex()
        raise WorkloadMismatch(f"{run.engine} engine: output is 0x{run.output.hex()}, expected 0x{expected}.")


def _run_once(workload: Workload, engine: Engine) -> tuple[list[CallResult], int]:
    """The results on a fresh state, and the nanoseconds that the calls took."""
    state = State()
    write_accounts(workload.accounts, state)
    state.seal_genesis()
    gc.collect()  # So that the garbage of the run before is not collected while this one is timed.
    begin = time.perf_counter_ns()
    results = [engine.call(call, workload.environment, state) for call in workload.calls]
    return results, time.perf_counter_ns() - begin


def program(code: bytes, calldata: bytes, gas: int, fork: Fork | None = None) -> Workload:
    """A workload of one call into `code`, which gets `gas` and stands alone in the state with a rich caller."""
    accounts = [
        PreAccount(CALLER, 0, 1_000_000 * WEI_PER_ETHER, b"", {}),
        PreAccount(PROGRAM_ADDRESS, 1, 0, code, {}),
    ]
    call = Call(CALLER, PROGRAM_ADDRESS, gas, data=calldata, frame_only=True)
    return Workload([call], _environment(fork or FORK_DEFAULT, gas), accounts)


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
            return _single_call(document, fork)
        (test,) = document.values()
        return _transactions(test, fork)
    except KeyError as error:
        raise ConfigError(f"{path} is not a workload: it has no {error}.") from error
    except (ValueError, TypeError, AttributeError) as error:
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
        environment=_environment(fork or fork_by_name(document["rules"]), gas_limit),
        accounts=[pre_account(address, fields) for address, fields in document["accounts"].items()],
        gas_expected=number(expected["gas_used"]) if "gas_used" in expected else None,
        output_expected=octets(expected["output"]) if "output" in expected else None,
    )


def _transactions(test: Mapping[str, Any], fork: Fork | None) -> Workload:
    calls = [
        Call(
            sender=octets(transaction["sender"]),
            to=octets(transaction["to"]) or None,
            gas_limit=number(transaction["gasLimit"]),
            value=number(transaction["value"]),
            data=octets(transaction["data"]),
            frame_only=True,
        )
        for transaction in test["transaction"]
    ]
    if not calls:
        raise ValueError("there is no transaction in it")
    env = test["env"]
    environment = BlockEnvironment(
        fork=fork or FORK_DEFAULT,
        chain_id=CHAIN_ID,
        number=number(env["currentNumber"]),
        timestamp=number(env["currentTimestamp"]),
        gas_limit=number(env["currentGasLimit"]),
        coinbase=octets(env["currentCoinbase"]),
        base_fee_per_gas=number(env["currentBaseFee"]),
        block_hash=block_hash,
    )
    return Workload(calls, environment, [pre_account(address, fields) for address, fields in test["pre"].items()])


def _environment(fork: Fork, gas_limit: int) -> BlockEnvironment:
    return BlockEnvironment(
        fork=fork, chain_id=CHAIN_ID, number=1, timestamp=TIMESTAMP, gas_limit=gas_limit, block_hash=block_hash
    )
