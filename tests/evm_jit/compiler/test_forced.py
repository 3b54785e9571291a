"""Programs on the engine that compiles everything, against the interpreter: the same gas, halt, output and state."""

from functools import cache

import pytest

from evm_jit.compiler.forced import CompiledEngine, ForcedCompiler
from evm_jit.compiler.loading import interpreter_entry
from evm_jit.compiler.object_code import HOT, QUICK
from evm_jit.compiler.pipeline import CODE_SIZE_BYTES_MAX
from evm_jit.engine import Call, CallResult, Engine
from evm_jit.native import NativeEngine
from primitives.block import BlockEnvironment
from primitives.forks import Fork
from statestore.state import State
from tests.asm import (
    ADD,
    GAS,
    JUMP,
    JUMPDEST,
    RETURNDATASIZE,
    STOP,
    call,
    create,
    deploy,
    mstore,
    operands,
    push,
    ret,
    sload,
    sstore,
)

CONTRACT, OTHER, CALLER = (bytes(18) + tail for tail in (b"\x10\x00", b"\x10\x01", b"\xca\x11"))
ENVIRONMENT = BlockEnvironment(fork=Fork.OSAKA, chain_id=1, number=1, timestamp=1, gas_limit=1 << 40)
JUMPI, CALLDATALOAD = b"\x57", b"\x35"


@cache
def engine(tier: int) -> Engine:
    return NativeEngine() if tier == 0 else CompiledEngine(tier)


def run(code: bytes, tier: int, gas: int = 1_000_000, data: bytes = b"") -> tuple[CallResult, dict[int, int]]:
    """What a call of the code gives, and its storage afterwards."""
    state = State()
    state.set_code(CONTRACT, code)
    state.set_code(OTHER, sstore(0, 9) + mstore(0, 11) + ret(0, 32))
    result = engine(tier).call(Call(CALLER, CONTRACT, gas, data=data, frame_only=True), ENVIRONMENT, state)
    return result, {key: state.storage(CONTRACT, key) for key in range(4)}


@pytest.fixture(params=(QUICK, HOT), ids=("quick", "hot"))
def tier(request):
    return request.param


# storage[n] = f(n) for n from 3 to 0, f(n) = n + 7 by way of memory; f is called, so it returns by an unknown jump.
LOOP = bytes.fromhex(
    "60045b6001900380600e90601956"  # n = 4; loop: n -= 1; f(n)
    + "5b8155806002575a5f5200"  # storage[n] = what f gave; again unless n = 0; memory[0] = gas; STOP
    + "5b6040526040516007019056"  # f
)


def test_a_program_with_loop_function_memory_and_storage_ends_alike_whatever_its_gas(tier):
    whole, storage = run(LOOP, 0)
    assert whole.halt is None and storage == {0: 7, 1: 8, 2: 9, 3: 10}
    for gas in [*range(0, 400, 9), *range(400, whole.gas_used + 2, 997), whole.gas_used - 1, whole.gas_used]:
        assert run(LOOP, tier, gas) == run(LOOP, 0, gas), gas


@pytest.mark.parametrize(
    "code",
    [
        push(1) + ADD,
        b"\x50",
        push(1) * 1_024 + STOP,
        push(1) * 1_025 + STOP,
        JUMPDEST + push(1) + push(0) + JUMP,
        push(3) + JUMP,
        push(1 << 200) + JUMP,
        b"\xfe",
        b"\x0c",
        operands(1 << 70) + b"\x51",
        operands(1 << 30) + b"\x51",
        operands(0, 0, 1) + b"\x3e",
        push(0) + CALLDATALOAD + JUMP + JUMPDEST,
        b"",
    ],
    ids=lambda code: code[:8].hex(),
)
def test_every_exceptional_halt_is_the_interpreter_s(code, tier):
    assert run(code, tier) == run(code, 0)


@pytest.mark.parametrize("destination", [0, 3, 4, 5, 6, 7, 1 << 64, (1 << 256) - 1])
def test_a_jump_that_is_looked_up_goes_where_it_should(destination, tier):
    code = push(0) + CALLDATALOAD + JUMP + JUMPDEST + push(0x5B) + JUMPDEST + GAS + push(0) + b"\x52" + ret(0, 32)
    data = destination.to_bytes(32, "big")
    assert run(code, tier, data=data) == run(code, 0, data=data)


def test_words_below_the_frame_s_stack_are_nobody_s(tier):
    """A loop whose words are loaded at its head is come to with too few."""
    code = push(0) + CALLDATALOAD + JUMP + JUMPDEST + b"\x80\x15" + push(3 + 3) + JUMPI + b"\x91\x03" + push(3) + JUMP
    data = (3).to_bytes(32, "big")
    assert run(code, tier, data=data) == run(code, 0, data=data)


def test_calls_suspend_and_resume(tier):
    code = call(OTHER) + RETURNDATASIZE + ADD + call(OTHER) + ADD + push(0) + b"\x55" + sstore(1, sload(0)) + ret(0, 32)
    for gas in (30_000, 100_000, 1_000_000):
        assert run(code, tier, gas) == run(code, 0, gas)


def test_init_code_is_compiled_too(tier):
    code = create(sstore(0, 5) + deploy(sstore(1, 6) + STOP)) + push(0) + b"\x52" + call(OTHER) + ret(0, 32)
    assert run(code, tier) == run(code, 0)


def test_code_that_is_refused_is_interpreted():
    compiler = ForcedCompiler(QUICK)
    assert compiler.entry_of(bytes(CODE_SIZE_BYTES_MAX + 1), Fork.OSAKA) == interpreter_entry()
    assert compiler.entry_of(sstore(0, 1), Fork.OSAKA) != interpreter_entry()


def test_storage_that_is_read_twice_is_warm_the_second_time(tier):
    code = sload(1) + sload(1) + ADD + push(0) + b"\x55"
    assert run(code, tier) == run(code, 0)
    assert run(code, tier, 2_100 + 99) == run(code, 0, 2_100 + 99)


NUMBERS = (0, 1, 3, 7, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 64, 1 << 255, (1 << 255) - 1)


@pytest.mark.parametrize("number", [0x04, 0x05, 0x06, 0x07], ids=["DIV", "SDIV", "MOD", "SMOD"])
def test_short_and_long_numbers_are_divided_alike(number, tier):
    words = [*NUMBERS, *(-word % (1 << 256) for word in NUMBERS)]
    load = push(32) + CALLDATALOAD + push(0) + CALLDATALOAD
    for x in words:
        data = x.to_bytes(32, "big") + (1 << 65).to_bytes(32, "big")
        known = b"".join(push(y) + push(0) + CALLDATALOAD + bytes((number,)) + b"\x18" for y in words)
        code = push(0) + known + load + bytes((number,)) + ADD + push(0) + b"\x52" + ret(0, 32)
        assert run(code, tier, data=data) == run(code, 0, data=data), hex(x)


@pytest.mark.parametrize("number", [0x04, 0x05, 0x06, 0x07], ids=["DIV", "SDIV", "MOD", "SMOD"])
def test_quotients_around_one_limb_are_alike(number, tier):
    load = push(32) + CALLDATALOAD + push(0) + CALLDATALOAD
    code = load + bytes((number,)) + push(0) + b"\x52" + ret(0, 32)
    for y in (1, 2, 10**18, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 64):
        for x in (y - 1, (y << 64) - 1, y << 64, (y << 64) - y, (y << 63) + 1, (y << 64) + y, y << 127):
            for signed in ((x, y), (-x, y), (x, -y), (-x, -y)):
                data = b"".join((each % (1 << 256)).to_bytes(32, "big") for each in signed)
                assert run(code, tier, data=data) == run(code, 0, data=data), signed
