"""The lanes find the keys that libsecp256k1 finds, and leave undecided only what is valid."""

from collections import Counter

import pytest

from primitives.secp256k1_simd.kernels import BATCH_MIN
from primitives.secp256k1_simd.switch import LANES, UNITS_MAX
from primitives.secp256k1_simd.work_area import SIGNATURES_IN_UNIT
from primitives.signature_record import INVALID, UNDECIDED, VALID
from tests.primitives.secp256k1_simd.answers import ask_lanes, ask_libsecp256k1, differences, records_of
from tests.primitives.secp256k1_simd.crafted import KINDS, MET_TWICE, Signature, of_all_kinds, signatures
from tests.primitives.secp256k1_simd.vectors import needs_ifma

pytestmark = needs_ifma


def answers(asked: list[Signature]) -> Counter[int]:
    """How often each answer of the lanes was given; they must be right."""
    found, wanted = records_of(asked), records_of(asked)
    with LANES.workspace() as workspace:
        ask_lanes(workspace, found)
    ask_libsecp256k1(wanted)
    wrong = differences(found, wanted)
    assert not wrong, (len(wrong), asked[wrong[0]], found["is_valid"][wrong[0]])
    return Counter(found["is_valid"].tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_signatures_of_every_kind_are_answered_as_by_libsecp256k1(kind: str):
    count = 1500
    told = answers(signatures(kind, count))
    if kind == "signed":
        assert told == {VALID: count}
    elif kind == "key_at_infinity":
        assert told == {INVALID: count}
    elif kind == "exceptional_in_the_ladder":
        assert {VALID, INVALID} == set(told)
    elif kind == "exceptional_in_the_comb":
        assert told[UNDECIDED] > count // 4
    elif kind in ("random_numbers", "at_the_edges", "small_r"):
        assert min(told[VALID], told[INVALID]) > count // 10
        assert told[UNDECIDED] == 0


def test_kinds_disturb_each_other_in_no_batch():
    told = answers(list(of_all_kinds(6000)))
    assert min(told[VALID], told[INVALID], told[UNDECIDED]) > 100


def test_the_ladder_can_meet_a_point_twice():
    assert 1 <= len(MET_TWICE) <= 64


@pytest.mark.parametrize("count", [BATCH_MIN, 7, 8, 9, 15, 16, 17, 31, 127, 128, 129, 143, 511, 512, 513, 1100])
def test_batches_of_every_size_are_answered(count: int):
    told = answers(signatures("signed", count, seed=count))
    left_over = count % (UNITS_MAX * SIGNATURES_IN_UNIT)
    assert told[UNDECIDED] == (left_over if left_over < BATCH_MIN else 0)
    assert told[VALID] == count - told[UNDECIDED]


def test_a_few_signatures_are_left_to_libsecp256k1():
    asked = signatures("signed", BATCH_MIN - 1)
    assert answers(asked) == {UNDECIDED: BATCH_MIN - 1}
    # Those that are out of range do not count.
    invalid = [Signature(1, 0, 0, 1)] * 20
    assert answers([*invalid, *asked, *invalid]) == {UNDECIDED: BATCH_MIN - 1, INVALID: 40}


def test_a_signature_may_be_there_many_times():
    asked = signatures("signed", 1) * 100
    assert answers(asked) == {VALID: 100}
