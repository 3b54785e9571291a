"""
MODEXP (0x05) in kernels: what it costs, and results for operands of up to 32 bytes.

Source: EIP-198; gas from EIP-2565 (Berlin) and EIP-7883 (Osaka); lengths from EIP-7823 (Osaka).
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.precompiles.contract_numbers import OSAKA
from evm_jit.precompiles.input_words import head_scratch, padded_head, padded_word
from evm_jit.precompiles.modexp import HEAD_SIZE_BYTES, OPERAND_SIZE_BYTES_MAX_OSAKA
from evm_jit.precompiles.modular_power import WIDTH_BYTES_MAX, power_modulo
from evm_jit.precompiles.statuses import FAILED, GAS_MAX, IN_PYTHON, SIZE_BYTES_MAX
from primitives.kernels_cache import njit
from primitives.memory import clear_bytes, copy_bytes, scratch
from primitives.u256 import at_most, load_big_endian, store_big_endian
from primitives.u256_division import divide
from primitives.wide_integers import choose, leading_zeros, u64, u256

_operand_scratch = scratch(WIDTH_BYTES_MAX)


@njit
def modexp_gas(fork, data, size_bytes):
    """
    The gas of a call, at most GAS_MAX; FAILED in Osaka for an operand of more than 1,024 bytes.

    All int64: a Fork from Berlin on; the input.
    """
    base_size, exponent_size, modulus_size = operand_sizes(data, size_bytes)
    size = max(base_size, modulus_size)
    words = u256((size + 7) >> 3)
    head = exponent_head(data, size_bytes, base_size, exponent_size)
    bits = u256(max(255 - leading_zeros(head), 0))
    bytes_more = u256(max(exponent_size - 32, 0))
    # Sizes are below 2^62: nothing here comes near 2^256.
    if fork >= OSAKA:
        if max(size, exponent_size) > OPERAND_SIZE_BYTES_MAX_OSAKA:
            return FAILED
        iterations = at_least_one(bytes_more * 16 + bits)
        complexity = u256(16) if size <= 32 else words * words * 2
        return max(500, at_most(complexity * iterations, GAS_MAX))
    iterations = at_least_one(bytes_more * 8 + bits)
    return max(200, at_most(divide(words * words * iterations, u256(3))[0], GAS_MAX))


@njit
def at_least_one(number):
    """A U256, or 1 for 0."""
    return choose(not number, u256(1), number)


@njit
def operand_sizes(data, size_bytes):
    """The sizes in bytes (int64) of base, exponent and modulus that the input names, at most SIZE_BYTES_MAX."""
    head = padded_head(data, size_bytes, head_scratch())
    base_size, exponent_size = load_big_endian(head), load_big_endian(head + 32)
    return (
        at_most(base_size, SIZE_BYTES_MAX),
        at_most(exponent_size, SIZE_BYTES_MAX),
        at_most(load_big_endian(head + 64), SIZE_BYTES_MAX),
    )


@njit
def exponent_head(data, size_bytes, base_size, exponent_size):
    """The first 32 bytes of the exponent, or all of it if it has less, as a U256; sizes int64."""
    head = padded_word(data, size_bytes, HEAD_SIZE_BYTES + base_size)
    return head >> (8 * (32 - min(exponent_size, 32)))


@njit
def modexp_at(data, size_bytes, output):
    """
    Write the power to `output`, as long as the modulus. The gas must have been paid: it bounds time.

    data, size_bytes, output : int64

    Returns the size of the output, or IN_PYTHON for operands that are too long.
    """
    base_size, exponent_size, modulus_size = operand_sizes(data, size_bytes)
    if modulus_size == 0:
        return 0
    if max(base_size, modulus_size) > WIDTH_BYTES_MAX:
        return IN_PYTHON
    exponent_start = HEAD_SIZE_BYTES + base_size
    base = operand(data, size_bytes, exponent_start - base_size, base_size)
    modulus = operand(data, size_bytes, exponent_start + exponent_size, modulus_size)
    present = min(max(size_bytes - exponent_start, 0), exponent_size)
    exponent, zero_bits = data + exponent_start, 8 * (exponent_size - present)
    if not modulus:
        result = modulus
    elif not (base | modulus) >> 64:  # Gas grows with the square of the size.
        result = u256(power_modulo(u64(base), u64(modulus), exponent, present, zero_bits))
    else:
        result = power_modulo(base, modulus, exponent, present, zero_bits)
    room = _operand_scratch()
    store_big_endian(room, result)
    copy_bytes(output, room + WIDTH_BYTES_MAX - modulus_size, modulus_size)
    return modulus_size


@njit
def operand(data, size_bytes, start, length):
    """The U256 in `length` bytes, at most WIDTH_BYTES_MAX, from `start` of the input on; all int64."""
    room = _operand_scratch()
    clear_bytes(room, WIDTH_BYTES_MAX)
    present = min(max(size_bytes - start, 0), length)
    copy_bytes(room + WIDTH_BYTES_MAX - length, data + start, present)
    return load_big_endian(room)
