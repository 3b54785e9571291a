"""
0x20: the hash of a part of memory.

Most hashes that contracts ask for are of 64 bytes, the name of a mapping's element, or of a few words more or less, the
address of a contract, and the same ones again and again: these are kept in memos of fixed size. An entry holds the
preimage whole, so what is taken from it is right whoever put it there. An entry of zeros would be wrong, so the machine
fills the first memo with a true one before; in the second it is that of no bytes, which nobody looks for.

Beside each memo are the mixtures of what was looked up last, 8 bytes for each of its places: whoever hashes something
new does not wait for an entry that is not his. Contracts often name an element twice in a row, to read and to write
it, so 64 bytes are kept at once. Others are kept when they are hashed for the second time: contracts that hash
something new each time write no entries then, for whose cache lines the permutations behind them would wait.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from evm_jit.frame_memory import expand, size_of, words_of
from evm_jit.gas import GAS_KECCAK256_PER_WORD
from evm_jit.machine import (
    MEMO_COUNT,
    MEMO_SIZE_BYTES,
    SHORT_MEMO_COUNT,
    SHORT_MEMO_SIZE_BYTES,
    WORD_SIZE_BYTES,
    as_memo,
    as_short_memo,
)
from primitives.keccak_kernels import keccak256_at, keccak256_of_32, keccak256_of_64
from primitives.kernels_cache import njit
from primitives.memory import clear_bytes, copy_bytes, load_int64, scratch, store_int64
from primitives.u256 import load_big_endian
from primitives.wide_integers import low_int64, u256

MEMO_PREIMAGE_BYTES = 64
SHORT_SIZE_BYTES_MAX = 128

preimage_buffer = scratch(SHORT_SIZE_BYTES_MAX)


@njit
def mixture_of(upper, lower):
    """An int64 of a preimage of two words: a multiplicative hash, for a collision costs no more than a miss."""
    return low_int64((upper ^ (upper >> 64) ^ (upper >> 128) ^ (lower << 7) ^ (lower >> 59)) * 0x9E3779B97F4A7C15)


@njit
def place_of(mixture, count):
    """Which one of so many entries, a power of 2, is for preimages of a mixture (int64 scalars)."""
    return (mixture >> 40) & (count - 1)


@njit
def short_entry(machine, mixture):
    """The SHORT_MEMO for preimages of a mixture (int64)."""
    return as_short_memo(machine.short_memo + place_of(mixture, SHORT_MEMO_COUNT) * SHORT_MEMO_SIZE_BYTES)


@njit
def was_hashed(mixtures, count, mixture):
    """
    Whether the last preimage that was looked up in this place has the same mixture; from now on it has.

    mixtures : int64    address of `count` mixtures
    mixture : int64
    """
    place = mixtures + place_of(mixture, count) * 8
    if load_int64(place) == mixture:
        return True
    store_int64(place, mixture)
    return False


@njit
def keccak256_of_pair(machine, address):
    """The digest of the 64 bytes at an address, from the memo if it is there."""
    upper, lower = load_big_endian(address), load_big_endian(address + 32)
    mixture = mixture_of(upper, lower)
    entry = as_memo(machine.memo + place_of(mixture, MEMO_COUNT) * MEMO_SIZE_BYTES)
    if was_hashed(machine.pair_mixtures, MEMO_COUNT, mixture) and entry.upper == upper and entry.lower == lower:
        return entry.digest
    digest = keccak256_of_64(address)
    entry.upper, entry.lower, entry.digest = upper, lower, digest
    return digest


@njit
def keccak256_of_word(machine, address):
    """The digest of the 32 bytes at an address, from the memo of short ones, of whose words the first says all."""
    word = load_big_endian(address)
    mixture = mixture_of(word ^ u256(WORD_SIZE_BYTES), u256(0))
    is_known, entry = was_hashed(machine.short_mixtures, SHORT_MEMO_COUNT, mixture), short_entry(machine, mixture)
    if is_known and entry.size == WORD_SIZE_BYTES and entry.first == word:
        return entry.digest
    digest = keccak256_of_32(address)
    if is_known:
        entry.size, entry.first, entry.digest = WORD_SIZE_BYTES, word, digest
    return digest


@njit
def keccak256_of_short(machine, address, size):
    """The digest of 1 to SHORT_SIZE_BYTES_MAX bytes, but not 32, at an address, from the memo if it is there."""
    preimage = preimage_buffer()
    copy_bytes(preimage, address, size)
    clear_bytes(preimage + size, SHORT_SIZE_BYTES_MAX - size)
    first, second = load_big_endian(preimage), load_big_endian(preimage + 32)
    third, fourth = load_big_endian(preimage + 64), load_big_endian(preimage + 96)
    mixture = mixture_of(first ^ (third << 1) ^ u256(size), second ^ (fourth << 1))
    is_known, entry = was_hashed(machine.short_mixtures, SHORT_MEMO_COUNT, mixture), short_entry(machine, mixture)
    is_same_front = is_known and entry.size == size and entry.first == first and entry.second == second
    if is_same_front and entry.third == third and entry.fourth == fourth:
        return entry.digest
    digest = keccak256_at(address, size)
    if is_known:
        entry.size, entry.first, entry.second, entry.third, entry.fourth = size, first, second, third, fourth
        entry.digest = digest
    return digest


@njit
def keccak256(machine, frame, gas_left, offset_word, size_word):
    """KECCAK256 (0x20): the digest of a part of memory; 6 gas a word."""
    offset, size = size_of(offset_word), size_of(size_word)
    gas_left = expand(machine, frame, gas_left - GAS_KECCAK256_PER_WORD * words_of(size), offset, size)
    if gas_left < 0:
        return gas_left, offset_word
    if size == MEMO_PREIMAGE_BYTES:
        return gas_left, keccak256_of_pair(machine, frame.memory + offset)
    if size == WORD_SIZE_BYTES:
        return gas_left, keccak256_of_word(machine, frame.memory + offset)
    if 0 < size <= SHORT_SIZE_BYTES_MAX:
        return gas_left, keccak256_of_short(machine, frame.memory + offset, size)
    return gas_left, keccak256_at(frame.memory + offset, size)
