"""
`leveret bench`: transfers of ether and of a token, through the engine and through JSON-RPC.

Prints a table, and writes the figures and a plot to `--output`.
"""

from pathlib import Path
from typing import Annotated

import typer


def commands(app: typer.Typer) -> None:
    """Register `bench`."""
    app.command()(bench)


def bench(
    transactions: Annotated[int, typer.Option(min=1, help="Transactions of one repetition.")] = 2_000,
    senders: Annotated[int, typer.Option(min=1, max=100, help="Accounts that send them.")] = 100,
    repetitions: Annotated[int, typer.Option(min=1, help="Repetitions; the median counts.")] = 3,
    engine: Annotated[str, typer.Option(help="The engine to measure.")] = "reference",
    output: Annotated[Path, typer.Option(help="Folder for figures and plot.")] = Path("bench/results"),
) -> None:
    """Measure transactions per second and gas per second, with checked results."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    from bench.engine_bench import measure_engine
    from bench.report import machine, print_table, write_json, write_plot
    from bench.rpc_bench import measure_rpc
    from bench.workloads import ether_transfers, funded_addresses, token_transfers
    from evm_jit.engines import make_engine

    console = Console()
    built = make_engine(engine)
    funded = funded_addresses(senders)
    measurements = []
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        for make_workload in (ether_transfers, token_transfers):
            task = progress.add_task("sign", total=2 * repetitions)
            workload = make_workload(transactions, senders)

            def tick(task_id: object = task) -> None:
                progress.advance(task_id)  # type: ignore[arg-type]

            progress.update(task, description=f"{workload.name}, engine")
            measurements.append(measure_engine(built, workload, funded, repetitions, tick))
            progress.update(task, description=f"{workload.name}, JSON-RPC")
            measurements.append(measure_rpc(workload, funded, engine, repetitions, tick))
    console.print(machine())
    print_table(measurements, console)
    console.print(f"Figures: {write_json(measurements, output)}   Plot: {write_plot(measurements, output)}")


if __name__ == "__main__":
    application = typer.Typer()
    commands(application)
    application()
