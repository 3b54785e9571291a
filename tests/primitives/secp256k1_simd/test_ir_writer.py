"""Bounds are those of what the code computes, and what could overflow is not written."""

import pytest

from primitives.secp256k1_simd.ir_writer import FACTOR_MAX, WORD_MAX, ZERO, Function, Lanes, constant


@pytest.fixture
def f() -> Function:
    return Function("f", "ptr %p")


def lanes(low: int, high: int) -> Lanes:
    return Lanes("%x", low, high)


def bounds(value: Lanes) -> tuple[int, int]:
    return value.low, value.high


def test_bounds_follow_the_operations(f: Function):
    a, b = lanes(-5, 7), lanes(1, 10)
    assert bounds(f.add(a, b)) == (-4, 17)
    assert bounds(f.subtract(a, b)) == (-15, 6)
    assert bounds(f.shift_right(a, 1)) == (-3, 3)
    assert bounds(f.shift_left(b, 4)) == (16, 160)
    assert bounds(f.low_bits(b, 2)) == (0, 3)
    assert bounds(f.low_bits(a, 20)) == (0, 2**20 - 1)
    assert bounds(f.select("%m", a, b)) == (-5, 10)
    assert bounds(f.multiply_low(b, b, b)) == (1, 110)
    assert bounds(f.multiply_high(ZERO, lanes(0, 2**51), lanes(0, 2**51))) == (0, 2**50)


def test_a_shift_of_what_may_be_negative_keeps_the_sign(f: Function):
    f.shift_right(lanes(-1, 1), 3)
    f.shift_right(lanes(0, 1), 3)
    text = f.text()
    assert "ashr" in text.splitlines()[2]
    assert "lshr" in text.splitlines()[3]


@pytest.mark.parametrize(
    "overflow",
    [
        lambda f: f.add(lanes(0, 2**63), lanes(-1, 0)),
        lambda f: f.add(lanes(0, WORD_MAX), lanes(0, 1)),
        lambda f: f.subtract(lanes(0, WORD_MAX), lanes(0, 1)),
        lambda f: f.shift_left(lanes(0, 2**52), 12),
        lambda f: f.shift_left(lanes(-(2**52), 0), 12),
        lambda f: f.multiply_low(lanes(0, WORD_MAX), constant(2), constant(3)),
    ],
)
def test_a_lane_that_could_overflow_is_refused(f: Function, overflow):
    with pytest.raises(AssertionError, match="overflows"):
        overflow(f)


@pytest.mark.parametrize("factor", [lanes(-1, 5), lanes(0, FACTOR_MAX + 1)])
def test_a_factor_that_is_not_read_whole_is_refused(f: Function, factor: Lanes):
    with pytest.raises(AssertionError):
        f.multiply_low(ZERO, factor, constant(1))
    with pytest.raises(AssertionError):
        f.multiply_high(ZERO, constant(1), factor)


def test_raw_lanes_are_for_products_and_masks_alone(f: Function):
    raw = lanes(0, WORD_MAX).raw()
    assert bounds(f.multiply_low(ZERO, raw, constant(1))) == (0, FACTOR_MAX)
    assert not f.low_bits(raw, 52).is_raw
    for use in (f.add, f.subtract, f.is_equal, f.multiply_low):
        with pytest.raises(AssertionError):
            use(raw, *[constant(1)] * (2 if use == f.multiply_low else 1))
    with pytest.raises(AssertionError):
        f.low_bits(raw, 53)


def test_a_loop_hands_on_only_what_is_within_its_bounds(f: Function):
    for later in (lanes(0, 11), lanes(-1, 10), lanes(0, 10).raw()):
        with pytest.raises(AssertionError), f.loop(3, [lanes(0, 10)]) as loop:
            loop.carry([later])
