"""Where contracts are created (Yellow Paper, section 7; EIP-1014)."""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.accounts import address_of
from primitives.keccak_kernels import keccak256_at
from primitives.kernels_cache import njit
from primitives.memory import scratch, store_byte
from primitives.u256 import store_big_endian
from primitives.wide_integers import leading_zeros, u256

ADDRESS_SIZE_BYTES, ADDRESS_SHIFT = 20, 96
RLP_STRING, RLP_LIST = 0x80, 0xC0
CREATE2_FIRST_BYTE = 0xFF
preimage = scratch(160)


@njit
def address_of_create(creator, nonce):
    """
    keccak256(rlp([creator, nonce]))[12:].

    creator : U256
    nonce : uint64
    """
    at = preimage()
    number = u256(nonce)
    size = (256 - leading_zeros(number) + 7) >> 3
    nonce_size = 1 if number < 128 else 1 + size
    store_byte(at, RLP_LIST + 1 + ADDRESS_SIZE_BYTES + nonce_size)
    store_byte(at + 1, RLP_STRING + ADDRESS_SIZE_BYTES)
    store_big_endian(at + 2, creator << ADDRESS_SHIFT)
    tail = at + 2 + ADDRESS_SIZE_BYTES
    if nonce_size == 1:
        store_big_endian(tail, (number if number != 0 else u256(RLP_STRING)) << 248)
    else:
        store_byte(tail, RLP_STRING + size)
        store_big_endian(tail + 1, number << (256 - 8 * size))
    return address_of(keccak256_at(at, 2 + ADDRESS_SIZE_BYTES + nonce_size))


@njit
def address_of_create2(creator, salt, init_code, size):
    """
    keccak256(0xff || creator || salt || keccak256(init code))[12:].

    creator, salt : U256
    init_code, size : int64 scalars, where it is
    """
    at = preimage()
    store_byte(at, CREATE2_FIRST_BYTE)
    store_big_endian(at + 1, creator << ADDRESS_SHIFT)
    store_big_endian(at + 1 + ADDRESS_SIZE_BYTES, salt)
    store_big_endian(at + 33 + ADDRESS_SIZE_BYTES, keccak256_at(init_code, size))
    return address_of(keccak256_at(at, 65 + ADDRESS_SIZE_BYTES))
