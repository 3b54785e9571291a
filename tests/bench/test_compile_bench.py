"""What compiling and loading take is told of each code once."""

import io

from rich.console import Console

from bench.compile_bench import CompileCost, contract_codes, measure_compilation, print_compilation
from evm_jit.compiler.object_code import HOT, QUICK
from tests import public_data
from tests.asm import return_word


def test_both_tiers_are_measured():
    ticks: list[None] = []
    quick, hot = measure_compilation({"answer": return_word(42)}, lambda: ticks.append(None))
    assert (quick.tier, hot.tier, len(ticks)) == (QUICK, HOT, 2)
    for cost in (quick, hot):
        assert cost.size_bytes == len(return_word(42))
        assert min(cost.object_size_bytes, cost.translate_ns, cost.emit_ns, *cost.load_ns) > 0


def test_a_code_is_named_after_its_first_workload():
    file = public_data.data("bench-contracts/oz.erc20-transfer.json")
    codes = contract_codes([file, file])
    assert set(codes) == {"oz.erc20-transfer"}
    assert len(codes["oz.erc20-transfer"]) > 1_000


def test_the_sum_and_the_worst_stand_below_the_table():
    costs = [
        CompileCost("a", QUICK, 1_000, 5_000, 10_000_000, 20_000_000, (1_000_000,)),
        CompileCost("b", QUICK, 3_000, 9_000, 40_000_000, 90_000_000, (2_000_000,)),
        CompileCost("a", HOT, 1_000, 5_000, 10_000_000, 90_000_000, (3_000_000,)),
    ]
    screen = io.StringIO()
    print_compilation(costs, Console(file=screen, width=200))
    text = screen.getvalue()
    assert "The first tier: 40 ms/KB over all (wanted: 100), 43 at worst (b); loading 2.0 ms at worst" in text
    assert "The second tier: 100 ms/KB over all, 100 at worst (a); loading 3.0 ms at worst" in text
