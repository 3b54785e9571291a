"""Codes in the arena: what lies behind them, and what of them is a delegation."""

import random

import numpy as np
import pytest

from primitives.keccak import keccak256
from statestore.code import CODE_PADDING_BYTES
from statestore.table import Capacities
from tests.naive.jump_destinations import jump_destinations
from tests.statestore.table_kernels import CODE, EngineState

ALICE, BOB = b"\xaa" * 20, b"\xbb" * 20


def codes_of(state: EngineState) -> dict[int, bytes]:
    """By row."""
    tables = state.tables
    found = {}
    for row in range(1, state.counter("code_count")):
        start = int(tables.codes["offset"][row])
        found[row] = tables.code_bytes[start : start + int(tables.codes["size_bytes"][row])].tobytes()
    return found


@pytest.mark.parametrize("capacities", [Capacities(), Capacities(codes=2, code_bytes=2)], ids=["default", "tiny"])
def test_zeros_and_the_jump_destinations_lie_behind_each_code(capacities: Capacities) -> None:
    state, rng = EngineState(0, capacities), random.Random(7)
    codes = [rng.randbytes(size) for size in (*range(1, 150), 1_000, 24_576)]
    for code in codes:
        state.set_code(ALICE, code)
    tables, ends = state.tables, 0
    for row, code in enumerate(codes, 1):
        record = tables.codes[row]
        start, size, bitmap = (int(record[name]) for name in ("offset", "size_bytes", "jump_destinations"))
        assert record["hash"].tobytes()[::-1] == keccak256(code)
        assert (start % 8, bitmap % 8, size) == (0, 0, len(code))
        assert ends <= start
        ends = bitmap + (size + 63) // 64 * 8
        assert tables.code_bytes[start : start + size].tobytes() == code
        assert bitmap - (start + size) >= CODE_PADDING_BYTES
        assert not tables.code_bytes[start + size : bitmap].any()
        bits = np.unpackbits(tables.code_bytes[bitmap:ends], bitorder="little")
        assert set(np.flatnonzero(bits).tolist()) == jump_destinations(code)
    assert state.counter("code_size_bytes") == ends <= len(tables.code_bytes)


def test_a_code_is_kept_once() -> None:
    state = EngineState()
    for address in (ALICE, BOB):
        state.set_code(address, b"\x5b")
    assert codes_of(state) == {1: b"\x5b"}
    assert state.code_row(ALICE) == state.code_row(BOB) == 1


def test_a_delegation_is_its_prefix_and_an_address() -> None:
    state = EngineState()
    state.set_code(ALICE, b"\xef\x01\x00" + BOB)
    assert state.delegation(state.code_row(ALICE)) == int.from_bytes(BOB, "big")
    state.set_code(ALICE, b"\xef\x01\x00" + bytes(range(20)))
    assert state.delegation(state.code_row(ALICE)) == int.from_bytes(bytes(range(20)), "big")


@pytest.mark.parametrize(
    "code",
    [
        b"",
        b"\x5b",
        b"\xef\x01\x00" + BOB[:19],
        b"\xef\x01\x00" + BOB + b"\x00",
        b"\xee\x01\x00" + BOB,
        b"\xef\x00\x00" + BOB,
        b"\xef\x01\x01" + BOB,
    ],
)
def test_any_other_code_is_no_delegation(code: bytes) -> None:
    state = EngineState()
    state.set_code(ALICE, code)
    assert state.delegation(state.code_row(ALICE)) == 0


def test_a_code_is_written_by_its_row() -> None:
    state = EngineState()
    state.set_code(ALICE, b"\x5b")
    state.on_account(CODE, BOB, state.code_row(ALICE))
    account = state.account(BOB)
    assert account is not None
    assert account.code_hash == keccak256(b"\x5b")
