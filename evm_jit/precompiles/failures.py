"""Why a precompiled contract failed: compiled code only says that it did, so the plain contract runs again."""

from collections.abc import Callable, Mapping
from typing import Final

from evm_jit.precompiles import (
    PrecompileFailed,
    alt_bn128,
    alt_bn128_pairing,
    blake2f,
    bls12_381,
    modexp,
    point_evaluation,
)
from primitives.forks import Fork

_CONTRACTS: Final[Mapping[int, Callable[[bytes], bytes]]] = {
    0x05: modexp.run,
    0x06: alt_bn128.run_add,
    0x07: alt_bn128.run_multiply,
    0x08: alt_bn128_pairing.run,
    0x09: blake2f.run,
    0x0A: point_evaluation.run,
    0x0B: bls12_381.run_g1_add,
    0x0C: bls12_381.run_g1_msm,
    0x0D: bls12_381.run_g2_add,
    0x0E: bls12_381.run_g2_msm,
    0x0F: bls12_381.run_pairing,
    0x10: bls12_381.run_map_to_g1,
    0x11: bls12_381.run_map_to_g2,
}


def failure_text(number: int, fork: Fork, data: bytes) -> str:
    """What the contract of this number says to an input that it does not accept."""
    try:
        if number == 0x05 and fork >= Fork.OSAKA:
            modexp.gas_osaka(data)
        _CONTRACTS[number](data)
    except PrecompileFailed as error:
        return str(error)
    raise AssertionError(f"contract {number:#x} failed in compiled code alone, on 0x{data.hex()}")
