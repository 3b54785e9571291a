"""The lanes are used where they can be and as long as they are right; answers are right in any case."""

import logging
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from primitives.secp256k1_simd import switch
from primitives.secp256k1_simd.machine_code import MachineCode, aligned
from primitives.secp256k1_simd.switch import LANES, NO_WORKSPACE, Switch, recovers_right
from primitives.signature import recover_many
from primitives.signature_kernels import recover_signers
from primitives.signature_record import VALID
from tests.primitives.secp256k1_simd.answers import FUNCTIONS, ask_lanes, ask_libsecp256k1, records_of
from tests.primitives.secp256k1_simd.crafted import of_all_kinds, signatures
from tests.primitives.secp256k1_simd.vectors import needs_ifma


def damaged(code: MachineCode) -> MachineCode:
    """With a bit of a point of the comb turned: most answers are wrong."""
    comb = aligned(len(code.comb))
    comb[:] = code.comb
    comb[8::64] ^= 1
    return replace(code, comb=comb)


def wrong_switch(check_interval: int, unchecked: int) -> Switch:
    """One that did not notice yet."""
    assert LANES.is_on()
    assert LANES._code is not None
    wrong = Switch()
    wrong._code = damaged(LANES._code)
    with wrong.workspace():
        record: Any = wrong._own.record
        record["check_interval"], record["unchecked"] = check_interval, unchecked
    return wrong


def ask(lanes: Switch, records: Any) -> None:
    with lanes.workspace() as workspace:
        recover_signers(FUNCTIONS.ctypes.data, workspace, records.ctypes.data, len(records), 0)


def same(found: Any, wanted: Any) -> bool:
    return all(bool((found[name] == wanted[name]).all()) for name in ("is_valid", "key_hash"))


@needs_ifma
def test_the_lanes_are_on_where_the_processor_can():
    assert LANES.is_on()
    assert not LANES.reason
    with LANES.workspace() as workspace:
        assert workspace != NO_WORKSPACE


def test_without_the_instructions_nothing_is_compiled_and_libsecp256k1_answers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(switch, "is_supported", lambda: False)
    monkeypatch.setattr(switch, "load", lambda: pytest.fail("LLVM would end the process"))
    lanes = Switch()
    assert not lanes.is_on()
    assert "AVX-512 IFMA" in lanes.reason
    with lanes.workspace() as workspace:
        assert workspace == NO_WORKSPACE
    found, wanted = (records_of(signatures("signed", 20)) for _ in range(2))
    ask(lanes, found)
    ask_libsecp256k1(wanted)
    assert same(found, wanted)


@needs_ifma
def test_both_ways_give_the_same_answers():
    asked = list(of_all_kinds(2000, seed=3))
    found, wanted = records_of(asked), records_of(asked)
    ask(LANES, found)
    ask_libsecp256k1(wanted)
    assert same(found, wanted)


@needs_ifma
def test_a_wrong_answer_is_replaced_and_switches_the_lanes_off_loudly(caplog: pytest.LogCaptureFixture):
    wrong = wrong_switch(check_interval=1, unchecked=0)
    asked = list(of_all_kinds(1200, seed=4))
    found, wanted = records_of(asked), records_of(asked)
    with caplog.at_level(logging.ERROR):
        ask(wrong, found)
    ask_libsecp256k1(wanted)
    assert same(found, wanted)
    assert not wrong.is_on()
    assert wrong.mismatch_count > 0
    assert "libsecp256k1" in caplog.text
    with wrong.workspace() as workspace:
        assert workspace == NO_WORKSPACE


@needs_ifma
def test_answers_that_nobody_checked_yet_are_believed_until_one_is_checked():
    asked = signatures("signed", 400)
    wrong = wrong_switch(check_interval=1000, unchecked=4 * len(asked) - 1)  # Each is looked at twice.
    found, wanted = records_of(asked), records_of(asked)
    ask_libsecp256k1(wanted)
    ask(wrong, found)
    assert not same(found, wanted)
    ask(wrong, found)
    assert same(found, wanted)
    assert not wrong.is_on()


@needs_ifma
def test_one_in_a_thousand_is_checked():
    lanes = Switch()
    records = records_of(signatures("signed", 500))
    with lanes.workspace() as workspace:
        for _ in range(100):
            ask_lanes(workspace, records)
    assert 25 <= int(lanes._own.record["checked_count"][0]) <= 100
    assert (records["is_valid"] == VALID).all()


@needs_ifma
def test_code_that_recovers_wrong_keys_is_not_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    assert LANES.is_on()
    assert LANES._code is not None
    assert recovers_right(LANES._code)
    wrong = damaged(LANES._code)
    assert not recovers_right(wrong)
    monkeypatch.setattr(switch, "load", lambda: wrong)
    lanes = Switch()
    with caplog.at_level(logging.ERROR):
        assert not lanes.is_on()
    assert "did not recover" in caplog.text


@needs_ifma
def test_threads_have_workspaces_of_their_own_and_right_answers():
    shares = [list(of_all_kinds(700, seed=seed)) for seed in range(10, 14)]
    found = [records_of(share) for share in shares]
    places: list[int] = []
    start, end = threading.Barrier(len(shares)), threading.Barrier(len(shares))

    def work(index: int) -> None:
        start.wait()
        for _ in range(5):
            ask(LANES, found[index])
        with LANES.workspace() as workspace:
            places.append(workspace)
            end.wait()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(shares))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(places)) == len(shares)
    for share, records in zip(shares, found, strict=True):
        wanted = records_of(share)
        ask_libsecp256k1(wanted)
        assert same(records, wanted)


def test_parities_of_a_byte_are_taken():
    asked = signatures("at_the_edges", 600, seed=5)
    records = records_of(asked)
    addresses, is_valid = recover_many(
        records["digest"].tobytes(),
        records["numbers"].tobytes(),
        np.array([each.y_parity for each in asked], np.uint8),
        low_s=False,
    )
    ask_libsecp256k1(records)
    assert (is_valid == (records["is_valid"] == VALID)).all()
    assert addresses.tobytes() == records["key_hash"][:, 12:].tobytes()
