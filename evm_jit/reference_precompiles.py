"""
The precompiled contracts of each fork for the reference engine: py-evm's, and ours where its are wrong, slow or
missing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from eth.abc import ComputationAPI
from eth.exceptions import VMError
from eth.precompiles.identity import identity
from eth.precompiles.sha256 import sha256

from evm_jit.precompiles import (
    PrecompileFailed,
    alt_bn128,
    alt_bn128_pairing,
    blake2f,
    bls12_381,
    ecrecover,
    modexp,
    p256verify,
    point_evaluation,
    ripemd160,
)
from primitives.forks import Fork

Precompile = Callable[[Any], Any]


def _contract(gas: Callable[[bytes], int], run: Callable[[bytes], bytes]) -> Precompile:
    """A plain function of `evm_jit.precompiles` as py-evm calls it."""

    def precompile(computation: ComputationAPI) -> ComputationAPI:
        data = computation.msg.data_as_bytes
        try:
            computation.consume_gas(gas(data), reason="precompiled contract")
            computation.output = run(data)
        except PrecompileFailed as error:
            raise VMError(str(error)) from error
        return computation

    return precompile


# By the fork in which it begins: address, and py-evm's contract or ours.
_BEGINNINGS: Final[Mapping[Fork, Mapping[int, Precompile]]] = {
    Fork.FRONTIER: {
        0x01: _contract(ecrecover.gas, ecrecover.run),
        0x02: sha256,
        0x03: _contract(ripemd160.gas, ripemd160.run),
        0x04: identity,
    },
    Fork.BYZANTIUM: {
        0x05: _contract(modexp.gas_byzantium, modexp.run),
        0x06: _contract(alt_bn128.gas_add_byzantium, alt_bn128.run_add),
        0x07: _contract(alt_bn128.gas_multiply_byzantium, alt_bn128.run_multiply),
        0x08: _contract(alt_bn128_pairing.gas_byzantium, alt_bn128_pairing.run),
    },
    Fork.ISTANBUL: {
        0x06: _contract(alt_bn128.gas_add, alt_bn128.run_add),
        0x07: _contract(alt_bn128.gas_multiply, alt_bn128.run_multiply),
        0x08: _contract(alt_bn128_pairing.gas, alt_bn128_pairing.run),
        0x09: _contract(blake2f.gas, blake2f.run),
    },
    Fork.BERLIN: {0x05: _contract(modexp.gas_berlin, modexp.run)},
    Fork.CANCUN: {0x0A: _contract(point_evaluation.gas, point_evaluation.run)},
    Fork.PRAGUE: {
        0x0B: _contract(bls12_381.gas_g1_add, bls12_381.run_g1_add),
        0x0C: _contract(bls12_381.gas_g1_msm, bls12_381.run_g1_msm),
        0x0D: _contract(bls12_381.gas_g2_add, bls12_381.run_g2_add),
        0x0E: _contract(bls12_381.gas_g2_msm, bls12_381.run_g2_msm),
        0x0F: _contract(bls12_381.gas_pairing, bls12_381.run_pairing),
        0x10: _contract(bls12_381.gas_map_to_g1, bls12_381.run_map_to_g1),
        0x11: _contract(bls12_381.gas_map_to_g2, bls12_381.run_map_to_g2),
    },
    Fork.OSAKA: {
        0x05: _contract(modexp.gas_osaka, modexp.run),
        0x100: _contract(p256verify.gas, p256verify.run),
    },
}


def precompiles_of(fork: Fork) -> dict[bytes, Precompile]:
    """The contracts of `fork` by address; all of them are warm from the start (EIP-2929)."""
    contracts: dict[int, Precompile] = {}
    for first, beginning in _BEGINNINGS.items():
        if fork >= first:
            contracts |= beginning
    return {address.to_bytes(20, "big"): contract for address, contract in contracts.items()}
