"""The mixed block is of contracts that differ, some of them hot, and does what its functions say."""

import pytest

from bench.batch_bench import execute
from bench.batches import mixed_batch
from bench.mixed_contracts import (
    CONTRACTS_COUNT,
    HOT_COUNT,
    SIZE_BYTES_MIN,
    Contract,
    counted,
    mixed_calls,
    mixed_contracts,
)
from bench.mixed_functions import COUNTER, INSERTION_SORT, KINDS, MERKLE_PROOF, POOL_SWAP, POWER
from evm_jit.engine import Call
from evm_jit.engines import make_engine
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from primitives.keccak import keccak256
from statestore.state import State

ENGINE = make_engine("interpreter")
CONTRACTS = mixed_contracts()
SENDER, RECEIVER = bytes(19) + b"\x01", bytes(19) + b"\x02"


def first_of(kind: str) -> Contract:
    return next(contract for contract in CONTRACTS if contract.functions[0].kind == kind)


def stored(contract: Contract, amount: int, before: int = 0) -> int:
    """What the first function leaves in its slot."""
    function = contract.functions[0]
    state = State()
    state.set_code(contract.address, contract.code)
    state.set_storage(contract.address, function.slot, before)
    state.seal_genesis()
    data = function.selector.to_bytes(4, "big") + RECEIVER.rjust(32, b"\0") + amount.to_bytes(32, "big")
    call = Call(sender=SENDER, to=contract.address, gas_limit=1_000_000, data=data)
    environment = BlockEnvironment(
        fork=Fork.OSAKA, chain_id=1, number=1, timestamp=1, gas_limit=10**9, base_fee_per_gas=0
    )
    assert ENGINE.call(call, environment, state).halt is None
    return state.storage(contract.address, function.slot)


def pushed(contract: Contract, size: int) -> set[int]:
    """Numbers of a size that the code of a contract may push, wherever one begins."""
    code, opcode = contract.code, 0x5F + size
    starts = [index + 1 for index, octet in enumerate(code) if octet == opcode]
    return {int.from_bytes(code[start : start + size], "big") for start in starts}


def test_all_codes_differ_and_are_of_the_sizes_of_real_ones():
    assert len({contract.code for contract in CONTRACTS}) == len(CONTRACTS) == CONTRACTS_COUNT
    sizes = sorted(len(contract.code) for contract in CONTRACTS)
    assert SIZE_BYTES_MIN <= sizes[0] < 400
    assert 7_000 < sizes[-1] < 8_500
    assert {contract.functions[0].kind for contract in CONTRACTS[:HOT_COUNT]} == set(KINDS)


def test_a_tenth_of_the_contracts_gets_most_calls():
    calls = list(mixed_calls(CONTRACTS, 4_000, [RECEIVER]))
    hot = {contract.address for contract in CONTRACTS[:HOT_COUNT]}
    share = sum(call.contract.address in hot for call in calls) / len(calls)
    assert 0.8 < share < 0.9
    assert len({call.contract.address for call in calls}) > CONTRACTS_COUNT * 0.75


@pytest.mark.parametrize("engine", ["interpreter", "compiled"])
def test_every_transaction_succeeds_and_counters_count(engine):
    batch = mixed_batch(300)
    outcomes = execute(make_engine(engine), batch, 300).outcomes
    assert all(outcome.receipt is not None and outcome.receipt.succeeded for outcome in outcomes)
    batch.check(batch.state)


def test_a_missing_call_of_a_counter_is_found():
    batch = mixed_batch(300)
    execute(ENGINE, batch, 290)
    with pytest.raises(AssertionError, match="a counter is wrong"):
        batch.check(batch.state)


def test_counters_are_counted_by_contract_and_slot():
    contract = first_of(COUNTER)
    function = contract.functions[0]
    assert stored(contract, 5, before=100) == 100 + function.step
    calls = [call for call in mixed_calls(CONTRACTS, 500, [RECEIVER]) if call.function is function]
    assert counted(calls) == {(contract.address, function.slot): function.step * len(calls)}


def test_a_pool_keeps_its_product():
    reserve_in, reserve_out, amount = 10**9, 3 * 10**9, 10**6
    after = stored(first_of(POOL_SWAP), amount, before=reserve_out << 112 | reserve_in)
    new_out, new_in = divmod(after, 1 << 112)
    assert new_in == reserve_in + amount
    assert reserve_in * reserve_out <= new_in * new_out < reserve_in * reserve_out * 1.0001


def test_a_power_is_that_of_python():
    contract = first_of(POWER)
    results = {
        pow(7, exponent, modulus)
        for size in range(10, 13)
        for exponent in pushed(contract, size)
        for modulus in pushed(contract, 32)
    }
    assert stored(contract, 7) in results


def test_a_proof_hashes_pairs_in_order():
    contract = first_of(MERKLE_PROOF)
    results = set()
    for word in pushed(contract, 32):
        node = keccak256((9).to_bytes(32, "big"))
        for _ in range(24):
            sibling = (int.from_bytes(node, "big") ^ word).to_bytes(32, "big")
            node = keccak256(min(node, sibling) + max(node, sibling))
            results.add(int.from_bytes(node, "big"))
    assert stored(contract, 9) in results


def test_a_sort_finds_the_least():
    contract = first_of(INSERTION_SORT)
    step, results = contract.functions[0].step, set()
    for word in pushed(contract, 32):
        seed, items = 11, []
        for _ in range(32):
            seed = (seed * word + step) % (1 << 256)
            items.append(seed >> 128)
            results.add(min(items))
    assert stored(contract, 11) in results
