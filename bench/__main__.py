"""
`leveret bench`: how fast this is, with results checked.

Without a sub-command: transfers through the engine and through JSON-RPC, whole batches through an engine, raw bytes to
receipts on all cores, blocks with and without machine code of contracts, and public contracts on all engines, of which
there is a plot. `batch`, `pipeline`, `tiers` and `engines` are one part each; `interpreter`, `compile`, `recover`,
`flood` and `gas` measure more. Figures go to `--output`.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from bench.compile_bench import CompileCost
    from bench.engine_bench import Measurement
    from bench.engine_times import EngineTimes
    from bench.interpreter_bench import Comparison
    from bench.pipeline_bench import Stages
    from bench.tier_bench import TierComparison
    from evm_jit.engine import Engine

ENGINE_DEFAULT = "native"

bench_app = typer.Typer(rich_markup_mode=None)

EngineOption = Annotated[str, typer.Option(help="The engine to measure.")]
OutputOption = Annotated[Path, typer.Option(help="Folder for figures and plot.")]
RepetitionsOption = Annotated[int, typer.Option(min=1, help="Repetitions; the median counts.")]
SizeOption = Annotated[int, typer.Option(min=1, help="Transactions of a batch.")]
PairsOption = Annotated[int, typer.Option(min=1, help="Pairs of runs; the median counts.")]
PlotOption = Annotated[Path, typer.Option(help="Where the plot of the engines goes.")]
HoldersOption = Annotated[int, typer.Option(min=1, help="Token holders of the large state.")]
RESULTS = Path("bench/results")
ENGINES_PLOT = Path("docs/engines.svg")
FILE_WIDTH = 150


def commands(app: typer.Typer) -> None:
    """Register `bench`."""
    app.add_typer(bench_app, name="bench")


@bench_app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    transactions: Annotated[int, typer.Option(min=1, help="Transactions of one repetition.")] = 10_000,
    senders: Annotated[int, typer.Option(min=1, max=100, help="Accounts that send them.")] = 100,
    repetitions: RepetitionsOption = 3,
    engine: EngineOption = ENGINE_DEFAULT,
    output: OutputOption = RESULTS,
    plot: PlotOption = ENGINES_PLOT,
) -> None:
    """Measure transactions per second and gas per second, with checked results."""
    if context.invoked_subcommand is not None:
        _check_nothing_given(context, context.invoked_subcommand)
        return
    from bench.report import print_table, write_json, write_plot
    from evm_jit.engines import make_engine

    _check_node_engine(engine)
    _check_folder(output, f"--output must be a folder that can be written, got '{output}'")
    _check_plot(plot)
    console = _console()
    built = make_engine(engine)
    measurements = _measure_transactions(built, transactions, senders, repetitions)
    times: list[EngineTimes] = []
    blocks: list[TierComparison] = []
    stages: list[Stages] = []
    if engine == ENGINE_DEFAULT:
        pairs = 2 * repetitions - 1
        measurements += _where_data_is(console, lambda: _measure_batches(built, 20_000, 1_000_000, pairs + 2))
        times = _where_data_is(console, lambda: _measure_engines(repetitions))
        blocks = _where_data_is(console, lambda: _measure_tiers(pairs))
        pipelines = _where_data_is(console, lambda: _measure_pipeline(built, 100_000, pairs))
        measurements += [measurement for measurement, _ in pipelines]
        stages = [each for _, each in pipelines]
    _print_machine(console)
    print_table(measurements, console)
    if stages:
        _print_stages(stages, console)
    if blocks:
        _print_tiers(blocks, console)
    plots = [write_plot(measurements, output)]
    if times:
        plots.append(_print_engines(times, plot, console))
    figures = write_json(measurements, times, blocks, output)
    console.print(f"Figures: {figures}   Plots: {', '.join(map(str, plots))}")


@bench_app.command()
def batch(
    transactions: SizeOption = 20_000,
    holders: HoldersOption = 1_000_000,
    repetitions: RepetitionsOption = 7,
    engine: EngineOption = ENGINE_DEFAULT,
) -> None:
    """Measure whole batches of signed transactions, from bytes to receipts."""
    from bench.report import print_table
    from evm_jit.engines import make_engine

    console = _console()
    measurements = _measure_batches(make_engine(engine), transactions, holders, repetitions)
    _print_machine(console)
    print_table(measurements, console)


@bench_app.command()
def pipeline(
    transactions: SizeOption = 100_000,
    repetitions: RepetitionsOption = 5,
    engine: EngineOption = ENGINE_DEFAULT,
) -> None:
    """Measure raw signed transactions on their way to receipts, on all cores."""
    from bench.report import print_table
    from evm_jit.engines import make_engine

    console = _console()
    found = _measure_pipeline(make_engine(engine), transactions, repetitions)
    _print_machine(console)
    print_table([measurement for measurement, _ in found], console)
    _print_stages([stages for _, stages in found], console)


@bench_app.command()
def interpreter(
    files: Annotated[list[Path] | None, typer.Argument(help="Workload files, instead of all.")] = None,
    repetitions: RepetitionsOption = 7,
    engine: EngineOption = "interpreter",
) -> None:
    """Measure an engine against revm, over the public contracts: interpreter, compiled or compiled-hot."""
    from evm_jit.engines import make_engine

    console = _console()
    comparisons = _compare(make_engine(engine), repetitions, files)
    _print_machine(console)
    _print_comparisons(comparisons, engine, console)


@bench_app.command()
def engines(
    files: Annotated[list[Path] | None, typer.Argument(help="Workload files, instead of all.")] = None,
    pairs: PairsOption = 7,
    plot: PlotOption = ENGINES_PLOT,
) -> None:
    """Measure py-evm, revm, the interpreter and machine code over the public contracts, and draw the plot."""
    _check_plot(plot)
    console = _console()
    times = _measure_engines(pairs, files)
    _print_machine(console)
    console.print(f"Plot: {_print_engines(times, plot, console)}")


@bench_app.command()
def tiers(pairs: PairsOption = 7) -> None:
    """Measure blocks with and without machine code of contracts: transfers, swaps, and 200 contracts mixed."""
    console = _console()
    blocks = _measure_tiers(pairs)
    _print_machine(console)
    _print_tiers(blocks, console)


@bench_app.command("compile")
def compile_contracts(
    files: Annotated[list[Path] | None, typer.Argument(help="Workload files, instead of all.")] = None,
) -> None:
    """Measure compiling of contracts, in both tiers, and loading what was compiled."""
    from bench.compile_bench import contract_codes, measure_compilation, print_compilation
    from bench.public_data import contract_files
    from evm_jit.compiler.pipeline import TIERS

    codes = contract_codes(files or contract_files())
    console = _console()
    with _progress(len(codes) * len(TIERS), "compilation") as tick:
        costs: list[CompileCost] = measure_compilation(codes, tick)
    _print_machine(console)
    print_compilation(costs, console)


@bench_app.command()
def recover(repetitions: RepetitionsOption = 9) -> None:
    """Measure the recovery of signers against libsecp256k1."""
    from bench.recovery_bench import measure_recovery, measurement_count, recovery_table

    console = _console()
    with _progress(measurement_count(), "recovery") as tick:
        found = measure_recovery(repetitions, tick)
    _print_machine(console)
    console.print(recovery_table(found))


@bench_app.command()
def flood(
    rate: Annotated[int, typer.Option(min=0, help="Invalid transactions a second.")] = 20_000,
    seconds: Annotated[int, typer.Option(min=1, max=60, help="How long.")] = 10,
    engine: EngineOption = ENGINE_DEFAULT,
) -> None:
    """Measure mini-blocks of a node while transactions arrive that nobody signed."""
    from bench.flood_bench import measure_flood, print_flood

    _check_node_engine(engine)
    console = _console()
    with _progress(1, f"a node starts, and a flood of {seconds} s") as tick:
        measured = measure_flood(rate, seconds, engine)
        tick()
    _print_machine(console)
    print_flood(measured, console)


@bench_app.command()
def gas(
    only: Annotated[str | None, typer.Argument(help="Only cases whose name holds this.")] = None,
    repetitions: RepetitionsOption = 7,
    engine: EngineOption = "interpreter",
    output: OutputOption = RESULTS,
) -> None:
    """Measure the time of a unit of gas of every opcode and every precompile."""
    from bench.gas_table import all_cases, measure_gas, print_gas_table, write_gas_table
    from bench.report import heading
    from evm_jit.engines import make_engine
    from primitives.errors import ConfigError

    cases = [case for case in all_cases() if only is None or only in case.name]
    if not cases:
        raise ConfigError(f"no case is called like '{only}'.")
    if only is None:
        _check_folder(output, f"--output must be a folder that can be written, got '{output}'")
    built = make_engine(engine)
    built.warm_up()
    console = _console()
    with _progress(len(cases), "gas") as tick:
        figures = measure_gas(built, cases, repetitions, tick)
    _print_machine(console)
    print_gas_table(figures, engine, console)
    if only is None:
        console.print(f"Every case: {write_gas_table(figures, engine, heading('make bench-gas'), output)}")


def _check_nothing_given(context: typer.Context, command: str) -> None:
    """ConfigError if there are options before the name of a command, which has its own behind it."""
    from primitives.errors import ConfigError

    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            own = f"leveret bench {command} --help lists its own"
            raise ConfigError(f"--{name} before {command} says nothing to it: {own}.")


def _check_node_engine(engine: str) -> None:
    """ConfigError if no node runs on it."""
    from sequencer.settings import read_settings

    read_settings({"engine": engine})


def _check_plot(plot: Path) -> None:
    _check_folder(plot.parent, f"--plot must be in a folder that can be written, got '{plot}'")


def _check_folder(folder: Path, otherwise: str) -> None:
    """Make a folder for what will be measured; ConfigError with the sentence `otherwise` if that can't be."""
    from primitives.errors import ConfigError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{otherwise}: {error.strerror}.") from error
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"{otherwise}: {os.strerror(errno.EACCES)}.")


def _measure_transactions(engine: "Engine", transactions: int, senders: int, repetitions: int) -> "list[Measurement]":
    from bench.engine_bench import measure_engine
    from bench.rpc_bench import measure_rpc
    from bench.workloads import ether_transfers, funded_addresses, token_transfers

    funded = funded_addresses(senders)
    engine.warm_up()
    measurements = []
    for make_workload in (ether_transfers, token_transfers):
        workload = make_workload(transactions, senders)
        with _progress(2 * repetitions, workload.name) as tick:
            measurements.append(measure_engine(engine, workload, funded, repetitions, tick))
            measurements.append(measure_rpc(workload, funded, engine.name, repetitions, tick))
    return measurements


def _measure_batches(engine: "Engine", transactions: int, holders: int, repetitions: int) -> "list[Measurement]":
    from bench.batch_bench import measure_batch
    from bench.batches import ether_batch, swap_batch, token_batch

    makers: tuple[Callable[[], Any], ...] = (
        lambda: ether_batch(transactions),
        lambda: token_batch(transactions, transactions),
        lambda: token_batch(transactions, max(holders, transactions)),
        lambda: swap_batch(max(1, transactions // 4)),
    )
    engine.warm_up()
    measurements = []
    for make in makers:
        with _progress(repetitions, "a batch is signed") as tick:
            measurements.append(measure_batch(engine, make(), repetitions, tick))
    return measurements


def _measure_pipeline(engine: "Engine", transactions: int, repetitions: int) -> "list[tuple[Measurement, Stages]]":
    from bench.batches import ether_batch, token_batch
    from bench.pipeline_bench import measure_pipeline

    makers: tuple[Callable[[], Any], ...] = (
        lambda: ether_batch(transactions),
        lambda: token_batch(transactions, transactions),
    )
    engine.warm_up()
    found = []
    for make in makers:
        with _progress(repetitions, "a workload is signed") as tick:
            found.append(measure_pipeline(engine, make(), repetitions, tick))
    return found


def _compare(engine: "Engine", pairs: int, files: list[Path] | None = None) -> "list[Comparison]":
    from bench.interpreter_bench import compare_interpreters
    from bench.public_data import contract_files

    chosen = files or contract_files()
    engine.warm_up()
    with _progress(len(chosen), "interpreters") as tick:
        return compare_interpreters(engine, pairs, chosen, tick)


def _measure_tiers(pairs: int) -> "list[TierComparison]":
    from bench.batches import mixed_batch, swap_batch, token_batch
    from bench.tier_bench import compare_tiers

    makers: tuple[Callable[[], Any], ...] = (
        lambda: token_batch(5_000, 5_000),
        lambda: swap_batch(2_000),
        lambda: mixed_batch(4_000),
    )
    found = []
    for make in makers:
        with _progress(pairs, "a block is signed, executed and compiled") as tick:
            found.append(compare_tiers(make(), pairs, tick))
    return found


def _measure_engines(pairs: int, files: list[Path] | None = None) -> "list[EngineTimes]":
    from bench.engine_times import RUNS_OF_A_FILE, measure_engines
    from bench.public_data import contract_files

    chosen = files or contract_files()
    with _progress(RUNS_OF_A_FILE * len(chosen), "engines") as tick:
        return measure_engines(chosen, pairs, tick)


def _console() -> "Console":
    """Standard output; a file has room for every column."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else FILE_WIDTH)


@contextmanager
def _progress(total: int, description: str) -> Iterator[Callable[[], None]]:
    """A bar on standard error; what it gives is called after each step."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(description, total=total)
        yield lambda: progress.advance(task)


def _where_data_is(console: "Console", measure: Callable[[], list[Any]]) -> list[Any]:
    """What is measured; nothing, and a sentence that says why, if workloads or revm are missing."""
    from primitives.errors import ConfigError

    try:
        return measure()
    except ConfigError as error:
        console.print(f"Not measured: {error}")
        return []


def _print_comparisons(comparisons: "list[Comparison]", engine: str, console: "Console") -> None:
    from bench.interpreter_bench import print_comparisons

    print_comparisons(comparisons, engine, console)


def _print_tiers(blocks: "list[TierComparison]", console: "Console") -> None:
    from bench.tier_bench import print_tiers

    print_tiers(blocks, console)


def _print_engines(times: "list[EngineTimes]", plot: Path, console: "Console") -> Path:
    """Where the plot is."""
    from bench.engine_times import print_engine_times, write_engines_plot

    print_engine_times(times, console)
    return write_engines_plot(times, plot)


def _print_stages(stages: "list[Stages]", console: "Console") -> None:
    from bench.pipeline_bench import print_stages

    print_stages(stages, console)


def _print_machine(console: "Console") -> None:
    from bench.report import machine

    console.print(machine())


if __name__ == "__main__":
    application = typer.Typer()
    commands(application)
    application()
