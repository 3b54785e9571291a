"""A benchmark counts only what was executed and is right."""

from dataclasses import replace

import pytest

from bench.engine_bench import measure_engine
from bench.workloads import Workload, ether_transfers, funded_addresses, token_transfers
from evm_jit.engines import make_engine

SENDERS = 3


@pytest.fixture(params=[ether_transfers, token_transfers])
def workload(request: pytest.FixtureRequest) -> Workload:
    made: Workload = request.param(7, SENDERS)
    return made


def test_a_workload_runs_on_the_engine_and_is_counted(workload: Workload) -> None:
    ticks: list[None] = []
    measured = measure_engine(
        make_engine("reference"), workload, funded_addresses(SENDERS), 2, lambda: ticks.append(None)
    )
    assert (measured.transaction_count, len(measured.seconds), len(ticks)) == (7, 2, 2)
    assert measured.gas_used >= 7 * 21_000


def test_a_transaction_that_is_refused_ends_the_benchmark(workload: Workload) -> None:
    with pytest.raises(AssertionError, match="refused"):
        measure_engine(make_engine("reference"), workload, funded_addresses(SENDERS)[:0], 1, lambda: None)


def test_a_result_that_is_missing_ends_the_benchmark(workload: Workload) -> None:
    cut = replace(workload, transactions=workload.transactions[:-1])
    with pytest.raises(AssertionError, match="transfer is missing"):
        measure_engine(make_engine("reference"), cut, funded_addresses(SENDERS), 1, lambda: None)
