"""Point evaluation: the proof for a constant polynomial, and what is no proof."""

from hashlib import sha256

import pytest

from evm_jit.precompiles import PrecompileFailed, point_evaluation

INFINITY = b"\xc0" + bytes(47)  # The commitment to the polynomial 0, whose proof is the same point.


def call(commitment: bytes = INFINITY, z: int = 5, y: int = 0, proof: bytes = INFINITY) -> bytes:
    name = b"\x01" + sha256(commitment).digest()[1:]
    return name + z.to_bytes(32, "big") + y.to_bytes(32, "big") + commitment + proof


def test_zero_is_zero_everywhere():
    output = point_evaluation.run(call())
    assert int.from_bytes(output[:32], "big") == 4_096
    assert int.from_bytes(output[32:], "big") == point_evaluation.BLS_MODULUS
    assert point_evaluation.gas(call()) == 50_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        call() + b"\x00",
        call(y=1),
        call(z=point_evaluation.BLS_MODULUS),
        call(proof=bytes(48)),
        b"\x02" + call()[1:],
    ],
)
def test_anything_else_fails(data):
    with pytest.raises(PrecompileFailed):
        point_evaluation.run(data)
