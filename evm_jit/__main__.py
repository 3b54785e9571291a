"""
The commands `leveret statetest`, `leveret blocktest` and `leveret run`: public tests, single programs and workloads
on an engine. And `leveret disasm`: what a program is made of.

Each returns its exit code and raises what goes wrong; `leveret` turns that into one sentence.
"""

import re
import sys
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from evm_jit.blocktest import BLOCK_TESTS
from evm_jit.case_pool import STATE_TESTS, Suite, plan_batches, run_batches
from evm_jit.engines import make_engine
from evm_jit.state_tests import CaseFile, find_files
from evm_jit.statetest import run_case
from evm_jit.trace_writer import TraceWriter
from evm_jit.verdict_report import progress, summary
from evm_jit.workload import Run, Workload, program, read_workload, run_workload
from primitives.constants import U64_MAX
from primitives.errors import ConfigError
from primitives.forks import Fork, fork_by_name

EXIT_FAILED = 1
SHOWN_SIZE_MAX = 60  # Of what can't be meant.


EngineOption = Annotated[
    str,
    typer.Option(
        "--engine", metavar="reference|native|interpreter|compiled|compiled-hot|shadow", help="What executes."
    ),
]
ForkOption = Annotated[str | None, typer.Option("--fork", metavar="NAME", help="Only this fork's rules.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
JobsOption = Annotated[int, typer.Option("--jobs", min=1, metavar="N", help="Processes that run cases.")]
TraceOption = Annotated[bool, typer.Option("--trace", help="Print every instruction as a line of JSON (EIP-3155).")]
GasOption = Annotated[int, typer.Option("--gas", min=0, max=U64_MAX, metavar="N", help="Gas of the frame.")]
EmitOption = Annotated[
    str | None,
    typer.Option("--emit", metavar="ir|asm|stats", help="Print what the compiler makes of the code."),
]
TraceMemoryOption = Annotated[bool, typer.Option("--trace-memory", help="The same, with the memory of the frame.")]


def commands(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command("statetest")(statetest)
    app.command("blocktest")(blocktest)
    app.command("run")(run)
    app.command("disasm")(disasm)


def statetest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="State test files, or folders of them.")],
    engine: EngineOption = "reference",
    fork: ForkOption = None,
    as_json: JsonOption = False,
    jobs: JobsOption = 1,
    trace: TraceOption = False,
    trace_memory: TraceMemoryOption = False,
) -> int:
    """Run Ethereum state tests and compare state roots, logs and refusals."""
    writer = _trace_writer(trace, trace_memory)
    if writer is None:
        return _run_suite(STATE_TESTS, paths, engine, fork, as_json, jobs)
    if jobs > 1:
        raise ConfigError("--trace writes one case behind the other: leave --jobs out.")
    traced = replace(STATE_TESTS, run=partial(run_case, trace=writer))
    return _run_suite(traced, paths, engine, fork, as_json, jobs, is_traced=True)


def blocktest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Block test files, or folders of them.")],
    engine: EngineOption = "reference",
    fork: ForkOption = None,
    as_json: JsonOption = False,
    jobs: JobsOption = 1,
) -> int:
    """Import the blocks of Ethereum blockchain tests and compare what is refused, the head and its state."""
    return _run_suite(BLOCK_TESTS, paths, engine, fork, as_json, jobs)


def run(
    code: Annotated[str | None, typer.Option("--code", metavar="HEX|FILE", help="Bytecode to call.")] = None,
    calldata: Annotated[str, typer.Option("--input", metavar="HEX", help="Calldata.")] = "",
    gas: GasOption = 1_000_000_000,
    workload: Annotated[Path | None, typer.Option("--workload", metavar="FILE", help="A workload file.")] = None,
    engine: EngineOption = "reference",
    fork: ForkOption = None,
    as_json: JsonOption = False,
    bench: Annotated[int, typer.Option("--bench", min=0, metavar="N", help="Time N runs more.")] = 0,
    trace: TraceOption = False,
    trace_memory: TraceMemoryOption = False,
    emit: EmitOption = None,
) -> int:
    """Run bytecode or a workload, show what it returns and the gas it uses, and time it."""
    only = None if fork is None else fork_by_name(fork)
    if emit is not None:
        print(_emitted(_workload(code, calldata, gas, workload, only), engine, emit))
        return 0
    writer = _trace_writer(trace, trace_memory)
    done = run_workload(_workload(code, calldata, gas, workload, only), make_engine(engine), bench, writer)
    if as_json or writer is None:  # A trace ends with its own summary.
        print(_run_json(done, bench) if as_json else _run_text(done))
    return 0


def disasm(
    code: Annotated[str, typer.Argument(metavar="HEX|FILE|-", help="Bytecode; - reads it from standard input.")],
    fork: ForkOption = None,
) -> int:
    """Show the instructions of bytecode, its blocks, gas and jumps."""
    from evm_jit.disassembly import listing

    only = Fork.OSAKA if fork is None else fork_by_name(fork)
    octets = _standard_input() if code == "-" else _code(code)
    if octets:
        print(listing(octets, only))
    return 0


def _trace_writer(trace: bool, wants_memory: bool) -> TraceWriter | None:
    return TraceWriter(sys.stdout, wants_memory) if trace or wants_memory else None


def _run_suite(
    suite: Suite,
    paths: list[Path],
    engine: str,
    fork: str | None,
    as_json: bool,
    jobs: int,
    *,
    is_traced: bool = False,
) -> int:
    """
    Run the cases that `paths` hold, show what became of them, and return the exit code.

    With traces on stdout, nothing else is there but more lines of JSON.
    """
    only = None if fork is None else fork_by_name(fork)
    make_engine(engine)  # Refused here, before a process is started for it.
    files, skipped = _test_files(suite, paths)
    plan = plan_batches(files, only, suite)
    running = run_batches(plan.batches, engine, jobs)
    with nullcontext(running) if is_traced else progress(running, plan.case_count, suite.title) as results:
        order = {file: position for position, file in enumerate(files)}
        done = sorted(results, key=lambda result: (order[result.batch.file], result.batch.start))
    verdicts = [verdict for result in done for verdict in result.verdicts]
    if as_json:
        members = msgspec.json.encode([verdict.as_json() for verdict in verdicts])
        print((members if is_traced else msgspec.json.format(members, indent=1)).decode())
    else:
        print(summary(done), file=sys.stderr if is_traced else sys.stdout)
    if skipped:
        what = f"1 file is not a {suite.title}" if skipped == 1 else f"{skipped:,} files are not {suite.title}s"
        print(f"{what} and {'was' if skipped == 1 else 'were'} skipped.", file=sys.stderr)
    if plan.unknown_count and only is None:
        print(f"Cases on forks that leveret does not have, left out: {plan.unknown_count:,}.", file=sys.stderr)
    if not verdicts:
        where = ", ".join(map(str, paths))
        print(f"No case{'' if fork is None else ' of ' + fork} is in {where}.", file=sys.stderr)
    return 0 if all(verdict.passed for verdict in verdicts) else EXIT_FAILED


def _test_files(suite: Suite, paths: list[Path]) -> tuple[list[CaseFile], int]:
    """The files with tests of the suite, and how many others the folders hold."""
    files: list[CaseFile] = []
    skipped = 0
    for file, is_named in find_files(paths):
        if suite.recognise(file.path):
            files.append(file)
        elif is_named:
            raise ConfigError(f"{file.path} is not a {suite.title}.")
        else:
            skipped += 1
    return files, skipped


def _workload(code: str | None, calldata: str, gas: int, file: Path | None, fork: Fork | None) -> Workload:
    if (code is None) == (file is None):
        raise ConfigError("Give either --code or --workload.")
    if file is not None:
        return read_workload(file, fork)
    assert code is not None, "one of the two was given"
    return program(_code(code, "--code "), _hex(calldata, "--input"), gas, fork)


def _emitted(workload: Workload, engine: str, what: str) -> str:
    """What the compiler makes of the code that a workload calls first: its IR, its assembly, or figures."""
    from evm_jit.compiler.emitted import EMITTED, TIERS

    if engine not in TIERS:
        raise ConfigError(f"--emit needs a compiler: use --engine {' or '.join(TIERS)}.")
    if what not in EMITTED:
        raise ConfigError(f"--emit does not know '{what}': use one of {', '.join(EMITTED)}.")
    codes = {account.address: account.code for account in workload.accounts}
    code = codes.get(workload.calls[0].to or b"", b"") if workload.calls else b""
    if not code:
        raise ConfigError("--emit shows the code that is called first, and none is.")
    return EMITTED[what](code, workload.environment.fork, TIERS[engine])


def _code(text: str, what: str = "") -> bytes:
    """Bytecode in hex, given as such or in a file."""
    if re.fullmatch(r"(0x)?([0-9a-fA-F]{2})*", text):
        return _hex(text, what)
    try:
        return _hex("".join(Path(text).read_text(encoding="ascii").split()), text)
    except OSError as error:
        shown = text if len(text) <= SHOWN_SIZE_MAX else f"{text[:SHOWN_SIZE_MAX]}..."
        reason = f"neither hex, two digits a byte, nor a file that can be read: {error.strerror}"
        raise ConfigError(f"{what}{shown} is {reason}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{text}: bytecode must be hex.") from error


def _standard_input() -> bytes:
    """Bytecode in hex from there."""
    what = "Standard input"
    if sys.stdin is None:
        raise ConfigError(f"{what} is closed.")
    try:
        return _hex("".join(sys.stdin.read().split()), what)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{what} must be hex, two digits a byte.") from error
    except OSError as error:
        raise ConfigError(f"{what} can't be read: {error.strerror}.") from error


def _hex(text: str, what: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise ConfigError(f"{what} must be hex, two digits a byte.") from error


def _run_json(run: Run, bench: int) -> str:
    members = {
        "output": f"0x{run.output.hex()}",
        "gasUsed": run.gas_used,
        "error": run.error,
        "engine": run.engine,
        "ns": run.times_ns if bench else run.times_ns[0],
    }
    return msgspec.json.encode(members).decode()


def _run_text(run: Run) -> str:
    fastest_ns = min(run.times_ns)
    speed = run.gas_used * 1_000 / fastest_ns
    of = f", the fastest of {len(run.times_ns)}" if len(run.times_ns) > 1 else ""
    return "\n".join(
        [
            f"output    0x{run.output.hex()}",
            f"gas used  {run.gas_used:,}",
            f"error     {run.error or 'none'}",
            f"time      {fastest_ns / 1e6:,.3f} ms{of} ({speed:,.2f} Mgas/s, {run.engine} engine)",
        ]
    )
