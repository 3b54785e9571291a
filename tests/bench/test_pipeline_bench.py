"""The measurement from raw bytes to receipts checks what it measures."""

import pytest

from bench.batches import Batch, ether_batch
from bench.pipeline_bench import PART_SIZE, execute, measure_pipeline
from evm_jit.engines import make_engine

COUNT = PART_SIZE + 3  # A part, and a small one.


@pytest.fixture(scope="module")
def batch() -> Batch:
    return ether_batch(COUNT)


def test_every_transaction_goes_through_all_stages(batch: Batch):
    ticks: list[None] = []
    measurement, stages = measure_pipeline(make_engine("native"), batch, 2, lambda: ticks.append(None))
    assert (measurement.transaction_count, measurement.gas_used) == (COUNT, 21_000 * COUNT)
    assert len(measurement.seconds) == len(ticks) == 2
    assert min(stages.decode_us, stages.execute_us, stages.total_us) > 0


def test_a_transaction_that_is_not_executed_is_noticed(batch: Batch):
    raws = [transaction.raw for transaction in batch.transactions[:9]]
    raws[5] = raws[4]
    [outcomes] = execute(make_engine("native"), batch, raws)
    assert outcomes.succeeded.tolist() == [True] * 5 + [False] + [True] * 3
