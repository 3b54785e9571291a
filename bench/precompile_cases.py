"""
Cases of the precompiled contracts: each with inputs that are quick and that are slow, valid and not.

A precompile is reached by a call and pays that call's 100 gas too, so both the call and its gas are counted. It gets
just the gas that it costs, so that one that fails takes no more.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import ckzg

from bench.bytecode import MSTORE, STATICCALL, copy_calldata, operands, return_memory
from bench.compute_cases import KIBIBYTE, expand_memory
from bench.gas_case import GasCase, always
from evm_jit.precompiles import (
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
from evm_jit.precompiles.trusted_setup import trusted_setup
from primitives.signature import sign

GAS_SHA256: Final = (60, 12)  # Once, and for each word of 32 bytes. Yellow Paper, appendix E.
GAS_IDENTITY: Final = (15, 3)
GAS_OF_A_FRAME: Final = 2_000_000  # About; it bounds how often a slow one is called.
REPEATS: Final = 100

BN254_P: Final = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47
# The generator of G2 as the pairing reads it: the imaginary parts come first. EIP-197.
BN254_G2: Final = (
    0x198E9393920D483A7260BFB731FB5D25F1AA493335A9E71297E485B7AEF312C2,
    0x1800DEEF121F1E76426A00665E5C4479674322D4F75EDADD46DEBD5CD992F6ED,
    0x090689D0585FF075EC9E99AD690C3395BC4B313370B38EF355ACDADCD122975B,
    0x12C85EA5DB8C6DEB4AAB71808DCB408FE3D1E7690C43D37B4CE6CC0166FA7DAA,
)
BLS_R: Final = point_evaluation.BLS_MODULUS
# RFC 6979, A.2.5: key and signature of "sample" with SHA-256.
P256_KEY: Final = (
    0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
    0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
)
P256_SIGNATURE: Final = (
    0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
    0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
)
SCALAR: Final = 0x6E1D_5C4B_3A29_1807_F6E5_D4C3_B2A1_9081_7263_5445_3627_1809_FAEB_DCCD_BEAF_9081

Input = tuple[str, bytes]


@dataclass(frozen=True)
class Precompile:
    """A contract: where, what it costs, how much it returns at most, what it is measured with."""

    address: int
    name: str
    gas: Callable[[bytes], int]
    output_size: Callable[[bytes], int]
    inputs: Callable[[], Iterator[Input]]


def precompile_cases() -> Iterator[GasCase]:
    """Every case of this file."""
    for contract in PRECOMPILES:
        for variant, data in contract.inputs():
            yield _case(contract, variant, data)


def _case(contract: Precompile, variant: str, data: bytes) -> GasCase:
    gas, output_size = contract.gas(data), contract.output_size(data)
    output = (len(data) + 31) // 32 * 32
    flag = output + output_size
    return GasCase(
        f"{contract.name} 0x{contract.address:02x}",
        variant,
        STATICCALL,
        operands=always(operands(gas, contract.address, 0, len(data), output, output_size)),
        setup=copy_calldata() + expand_memory(flag + 32),
        # What came out, and behind it whether the call succeeded.
        ending=operands(flag) + MSTORE + return_memory(output, output_size + 32),
        word_count=6,
        repeats_max=max(1, min(REPEATS, GAS_OF_A_FRAME // (gas + 100))),
        calldata=data,
    )


def words(*values: int) -> bytes:
    """Each in 32 bytes."""
    return b"".join(value.to_bytes(32, "big") for value in values)


def _bytes(size: int) -> bytes:
    """That many bytes, always the same."""
    return hashlib.shake_128(b"leveret bench").digest(size)


def _by_words(price: tuple[int, int]) -> Callable[[bytes], int]:
    return lambda data: price[0] + price[1] * ((len(data) + 31) // 32)


def _always(size: int) -> Callable[[bytes], int]:
    return lambda _: size


def _messages() -> Iterator[Input]:
    for size in (0, 32, KIBIBYTE, 64 * KIBIBYTE):
        yield f"{size:,} bytes", _bytes(size)


def _signatures() -> Iterator[Input]:
    digest = _bytes(32)
    y_parity, r, s = sign(_bytes(64)[32:], digest)
    yield "valid", digest + words(27 + y_parity, r, s)
    yield "no such point", digest + words(27, 5, s)
    yield "v that is none", digest + words(1, r, s)


def _modexp_input(base: bytes, exponent: bytes, modulus: bytes) -> bytes:
    return words(len(base), len(exponent), len(modulus)) + base + exponent + modulus


def _powers() -> Iterator[Input]:
    """The sizes at which gas steps; all exponents are as heavy as their size allows; a modulus is odd unless told."""
    ones = b"\xff" * KIBIBYTE
    yield "1, 1, 1 bytes", _modexp_input(b"\x03", b"\x05", b"\x07")
    for size, exponent_size in ((32, 4), (32, 32), (40, 8), (64, 64), (128, 128), (256, 64), (512, 32), (1_024, 32)):
        base, modulus = _bytes(size), bytes((*b"\xf1", *_bytes(size)[2:], 0x35))
        yield f"{size:,}, {exponent_size}, {size:,} bytes", _modexp_input(base, ones[:exponent_size], modulus)
    for size, exponent_size in ((32, 32), (256, 64), (1_024, 32)):
        base, modulus = _bytes(size), bytes((*b"\xf1", *_bytes(size)[2:], 0x34))
        yield f"{size:,}, {exponent_size}, {size:,} bytes, even", _modexp_input(base, ones[:exponent_size], modulus)
    for exponent in (0, 1, 2, 3):
        sizes = "1,024, 1, 1,024 bytes"
        yield f"{sizes}, exponent {exponent}", _modexp_input(ones, bytes((exponent,)), b"\xf1" + ones[1:])
    yield "1,024, 0, 1 bytes", _modexp_input(ones, b"", b"\x07")
    yield "1, 1,024, 1 bytes", _modexp_input(b"\x03", ones, b"\x07")
    yield "32, 32, 32 bytes, a power of two", _modexp_input(ones[:32], ones[:32], words(1 << 255))


def _bn254_points(count: int) -> list[bytes]:
    return [alt_bn128.run_multiply(words(1, 2, SCALAR + index)) for index in range(count)]


def _bn254_additions() -> Iterator[Input]:
    first, second = _bn254_points(2)
    yield "two points", first + second
    yield "a point twice", first + first
    yield "infinity", first + bytes(64)
    yield "not on the curve", first + words(1, 3)


def _bn254_products() -> Iterator[Input]:
    (point,) = _bn254_points(1)
    yield "256 bits", point + b"\xff" * 32
    yield "by 2", point + words(2)
    yield "infinity", bytes(64) + b"\xff" * 32


def _bn254_pairings() -> Iterator[Input]:
    yield "no pair", b""
    for count in (1, 2, 8):
        points = _bn254_points(count)
        # e(P, Q) e(-P, Q) = 1; every other point stands for itself.
        if count > 1:
            points[1] = points[0][:32] + words(BN254_P - int.from_bytes(points[0][32:], "big"))
        yield f"{count} pair{'s'[: count > 1]}", b"".join(point + words(*BN254_G2) for point in points)
    yield "2 pairs of infinity", bytes(384)


def _compressions() -> Iterator[Input]:
    for rounds in (0, 1, 12, 1_000, 100_000):
        yield f"{rounds:,} rounds", rounds.to_bytes(4, "big") + _bytes(208) + b"\x01"


def _proofs() -> Iterator[Input]:
    setup = trusted_setup()
    elements = [words(int.from_bytes(hashlib.sha256(b"%d" % index).digest(), "big") % BLS_R) for index in range(4_096)]
    blob, z = b"".join(elements), words(SCALAR % BLS_R)
    commitment = ckzg.blob_to_kzg_commitment(blob, setup)
    proof, y = ckzg.compute_kzg_proof(blob, z, setup)
    versioned_hash = b"\x01" + hashlib.sha256(commitment).digest()[1:]
    yield "valid", versioned_hash + z + y + commitment + proof
    yield "another value", versioned_hash + z + words(1) + commitment + proof
    yield "proof that is no point", versioned_hash + z + y + commitment + b"\xff" * 48
    yield "another hash", bytes(32) + z + y + commitment + proof


def _element(value: int) -> bytes:
    return value.to_bytes(64, "big")


def _g1(index: int) -> bytes:
    return bls12_381.run_map_to_g1(_element(index + 1))


def _g2(index: int) -> bytes:
    return bls12_381.run_map_to_g2(_element(index + 1) + _element(index + 2))


def _bls_additions(point: Callable[[int], bytes], size: int) -> Callable[[], Iterator[Input]]:
    def inputs() -> Iterator[Input]:
        yield "two points", point(0) + point(1)
        yield "a point twice", point(0) + point(0)
        yield "infinity", point(0) + bytes(size)
        yield "not on the curve", point(0) + _element(1) * (size // 64)

    return inputs


def _bls_products(point: Callable[[int], bytes]) -> Callable[[], Iterator[Input]]:
    def inputs() -> Iterator[Input]:
        pieces = [point(index) + words((SCALAR + index**5) % BLS_R) for index in range(64)]
        for count in (1, 2, 8, 64):
            yield f"{count} point{'s'[: count > 1]}", b"".join(pieces[:count])
        yield "1 point, 256 bits", point(0) + b"\xff" * 32

    return inputs


def _bls_pairings() -> Iterator[Input]:
    minus = bls12_381.run_g1_msm(_g1(0) + words(BLS_R - 1))
    pairs = [_g1(0) + _g2(0), minus + _g2(0), *(_g1(index) + _g2(index) for index in range(2, 8))]
    for count in (1, 2, 8):
        yield f"{count} pair{'s'[: count > 1]}", b"".join(pairs[:count])
    yield "2 pairs of infinity", bytes(768)


def _bls_maps(elements: int) -> Callable[[], Iterator[Input]]:
    def inputs() -> Iterator[Input]:
        yield "an element", b"".join(_element(int.from_bytes(_bytes(46), "big") + index) for index in range(elements))
        yield "zero", bytes(64 * elements)

    return inputs


def _p256_signatures() -> Iterator[Input]:
    digest = hashlib.sha256(b"sample").digest()
    r, s = P256_SIGNATURE
    yield "valid", digest + words(r, s, *P256_KEY)
    yield "another digest", _bytes(32) + words(r, s, *P256_KEY)
    yield "key that is no point", digest + words(r, s, P256_KEY[0], 1)


PRECOMPILES: Final = (
    Precompile(0x01, "ECRECOVER", ecrecover.gas, _always(32), _signatures),
    Precompile(0x02, "SHA256", _by_words(GAS_SHA256), _always(32), _messages),
    Precompile(0x03, "RIPEMD160", ripemd160.gas, _always(32), _messages),
    Precompile(0x04, "IDENTITY", _by_words(GAS_IDENTITY), len, _messages),
    Precompile(0x05, "MODEXP", modexp.gas_osaka, lambda data: modexp.lengths(data)[2], _powers),
    Precompile(0x06, "BN254_ADD", alt_bn128.gas_add, _always(64), _bn254_additions),
    Precompile(0x07, "BN254_MUL", alt_bn128.gas_multiply, _always(64), _bn254_products),
    Precompile(0x08, "BN254_PAIRING", alt_bn128_pairing.gas, _always(32), _bn254_pairings),
    Precompile(0x09, "BLAKE2F", blake2f.gas, _always(64), _compressions),
    Precompile(0x0A, "POINT_EVALUATION", point_evaluation.gas, _always(64), _proofs),
    Precompile(0x0B, "BLS12_G1ADD", bls12_381.gas_g1_add, _always(128), _bls_additions(_g1, 128)),
    Precompile(0x0C, "BLS12_G1MSM", bls12_381.gas_g1_msm, _always(128), _bls_products(_g1)),
    Precompile(0x0D, "BLS12_G2ADD", bls12_381.gas_g2_add, _always(256), _bls_additions(_g2, 256)),
    Precompile(0x0E, "BLS12_G2MSM", bls12_381.gas_g2_msm, _always(256), _bls_products(_g2)),
    Precompile(0x0F, "BLS12_PAIRING", bls12_381.gas_pairing, _always(32), _bls_pairings),
    Precompile(0x10, "BLS12_MAP_FP_TO_G1", bls12_381.gas_map_to_g1, _always(128), _bls_maps(1)),
    Precompile(0x11, "BLS12_MAP_FP2_TO_G2", bls12_381.gas_map_to_g2, _always(256), _bls_maps(2)),
    Precompile(0x100, "P256VERIFY", p256verify.gas, _always(32), _p256_signatures),
)
