"""
The tries of a block, over transactions, receipts and withdrawals, in one call of compiled code.

Their keys are rlp(0), rlp(1) and so on (Yellow Paper, 4.3), so their shape is known from their number, and nobody asks
for anything but the root. So no trie is built: all leaves are hashed, in the lanes of the processor's vectors, then the
nodes above them, the deepest first. `statestore.trie` has the tries that are kept.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from primitives.compiled_calls import INT, compile_call
from primitives.constants import EMPTY_TRIE_ROOT
from primitives.keccak_kernels import keccak256_many_at, write_message
from primitives.kernels_cache import njit, njit_without_lock
from primitives.memory import copy_bytes, load_byte, load_int64, store_byte
from primitives.rlp_kernels import LIST, STRING, header_size, write_header
from primitives.wide_integers import u256
from statestore.trie_paths import HASH_SIZE_BYTES, LEAF_FLAG, PATH_SIZE_BYTES_MAX, path_size, write_path

KEY_NIBBLES_MAX = 8  # Of indexes below 2^24.
# A row: the digest of a node, where the node is, its size, and the positions of its first and last leaf.
ADDRESS, SIZE, FIRST, LAST, ROW_SIZE = 4, 5, 6, 7, 8
# For each item: a leaf's headers and path, a branch's, an extension's, and two references, for in all branches together
# there are fewer children than twice as many as there are leaves.
EXTRA_BYTES = 24 + 24 + 24 + 17 + 3 * (1 + HASH_SIZE_BYTES)


def ordered_trie_root(items: Sequence[bytes]) -> bytes:
    """The root over encoded transactions, receipts or withdrawals, keyed by rlp(index)."""
    count = len(items)
    if count == 0:
        return EMPTY_TRIE_ROOT
    joined = np.frombuffer(b"".join(items) or b"\0", np.uint8)
    starts = np.zeros(count + 1, np.int64)
    np.cumsum([len(item) for item in items], out=starts[1:])
    nodes = np.empty(len(joined) + EXTRA_BYTES * count + PATH_SIZE_BYTES_MAX, np.uint8)
    root = np.empty(HASH_SIZE_BYTES, np.uint8)
    start = nodes.ctypes.data
    end = root_call()(joined.ctypes.data, starts.ctypes.data, count, start, root.ctypes.data)
    assert end - start <= len(nodes), "the nodes fit into the room for them"
    return root.tobytes()


def _root(items: int, starts: int, count: int, nodes: int, root: int) -> int:
    """`write_root`."""
    return write_root(items, starts, count, nodes, root)  # type: ignore[no-any-return]


@cache
def root_call() -> Callable[..., int]:
    """It, compiled or loaded from the disk cache."""
    return compile_call(_root, *[INT] * 5)


@njit
def index_at(position, count):
    """Which index (int64) is at a position in the order of keys: 1 to 127, 0, 128 and so on."""
    zero_at = min(count, 128) - 1
    if position == zero_at:
        return 0
    return position + 1 if position < zero_at else position


@njit
def key_of(index):
    """rlp(index) : int64, its nibbles from the 8th down; and how many there are."""
    if index == 0:
        return 0x80 << 24, 2
    if index < 0x80:
        return index << 24, 2
    if index < 0x100:
        return (0x8100 | index) << 16, 4
    if index < 0x10000:
        return (0x820000 | index) << 8, 6
    return 0x83000000 | index, 8


@njit
def nibble_at(key, place):
    """The nibble (int64) of a key at a place, from 0."""
    return (key >> (4 * (KEY_NIBBLES_MAX - 1 - place))) & 0xF


@njit
def shared_by(one, other, count):
    """How many nibbles (int64) the keys at two positions share."""
    difference = key_of(index_at(one, count))[0] ^ key_of(index_at(other, count))[0]
    shared = 0
    while nibble_at(difference, shared) == 0:
        shared += 1
    return shared


@njit
def shared_nibbles(position, count):
    """How many nibbles (int64) the keys at a position and at the next one share; -1 beyond either end."""
    return -1 if position < 0 or position + 1 >= count else shared_by(position, position + 1, count)


@njit
def aligned(key):
    """A key of nibbles from the 8th down (int64), as paths are written of: a U256."""
    return u256(key) << (256 - 4 * KEY_NIBBLES_MAX)


@njit
def write_leaf(target, key, begin, end, item, size):
    """Write a leaf with the rest of a key and `size` bytes from an address; all int64. Where it ends."""
    is_short = size == 1 and load_byte(item) < STRING
    item_size = 1 if is_short else header_size(size) + size
    target = write_header(target, path_size(begin, end) + item_size, LIST)
    target = write_path(target, aligned(key), begin, end, LEAF_FLAG)
    if not is_short:
        target = write_header(target, size, STRING)
    copy_bytes(target, item, size)
    return target + size


@njit
def write_reference(target, rows, node):
    """Write what stands for a node in its parent, itself below 32 bytes, else its hash; where (int64) that ends."""
    address, size = rows[node, ADDRESS], rows[node, SIZE]
    if size < HASH_SIZE_BYTES:
        copy_bytes(target, address, size)
        return target + size
    store_byte(target, STRING + HASH_SIZE_BYTES)
    copy_bytes(target + 1, digest_of(rows, node), HASH_SIZE_BYTES)
    return target + 1 + HASH_SIZE_BYTES


@njit
def reference_size(rows, node):
    """How many bytes (int64) that takes."""
    return rows[node, SIZE] if rows[node, SIZE] < HASH_SIZE_BYTES else 1 + HASH_SIZE_BYTES


@njit
def digest_of(rows, node):
    """Where (int64) the digest of a node is."""
    return np.int64(rows.ctypes.data) + 8 * ROW_SIZE * node


@njit
def write_branch(target, rows, first, end, depth, count):
    """
    Write a branch over nodes that lie one behind another; where it ends (int64).

    target, depth, count : int64
    rows : int64[n, ROW_SIZE]
    first, end : int64    which of them
    """
    size = 17 - (end - first)
    for node in range(first, end):
        size += reference_size(rows, node)
    target = write_header(target, size, LIST)
    node = first
    for nibble in range(16):
        if node < end and nibble_at(key_of(index_at(rows[node, FIRST], count))[0], depth) == nibble:
            target = write_reference(target, rows, node)
            node += 1
        else:
            store_byte(target, STRING)
            target += 1
    store_byte(target, STRING)
    return target + 1


@njit
def write_extension(target, rows, node, begin, end, count):
    """Write an extension with the nibbles from `begin` to `end` over a node; all int64. Where it ends."""
    target = write_header(target, path_size(begin, end) + reference_size(rows, node), LIST)
    target = write_path(target, aligned(key_of(index_at(rows[node, FIRST], count))[0]), begin, end, 0)
    return write_reference(target, rows, node)


@njit
def depth_above(first, last, count):
    """The place (int64) of the nibble at which the branch above some leaves parts them from others; -1 at the top."""
    return max(shared_nibbles(first - 1, count), shared_nibbles(last, count))


@njit
def note(rows, node, address, end, first, last, messages, asked):
    """
    Keep a node that was written from `address` to `end`, over the leaves from `first` to `last`, and ask for its hash.

    rows : int64[n, ROW_SIZE]    modified
    messages : int64[n, 3]       modified; as `keccak256_many_at` takes them
    asked : int64                how many of them there are so far
    """
    rows[node, ADDRESS], rows[node, SIZE] = address, end - address
    rows[node, FIRST], rows[node, LAST] = first, last
    write_message(messages, asked, address, end - address, digest_of(rows, node))


@njit
def write_leaves(items, starts, count, target, rows, messages):
    """Write and hash all leaves; where they end (int64). The arguments are those of `write_root`, and its arrays."""
    for position in range(count):
        index = index_at(position, count)
        key, nibbles = key_of(index)
        begin, end = load_int64(starts + 8 * index), load_int64(starts + 8 * index + 8)
        address = target
        target = write_leaf(
            target, key, depth_above(position, position, count) + 1, nibbles, items + begin, end - begin
        )
        note(rows, position, address, target, position, position, messages, position)
    keccak256_many_at(messages)
    return target


@njit
def merge(rows, node_count, depth, count, target, messages):
    """
    Put branches over the nodes whose keys part at a depth, and extensions over the branches.

    rows, messages                       as `note` takes them; modified
    node_count, depth, count, target     int64

    Returns how many nodes there are then, and where the last one that was written ends.
    """
    merged, node, asked = 0, 0, 0
    while node < node_count:
        end = node + 1
        while end < node_count and shared_nibbles(rows[end - 1, LAST], count) == depth:
            end += 1
        if end == node + 1:
            rows[merged] = rows[node]
        else:
            address, first, last = target, rows[node, FIRST], rows[end - 1, LAST]
            target = write_branch(target, rows, node, end, depth, count)
            note(rows, merged, address, target, first, last, messages, asked)
            asked += 1
        node = end
        merged += 1
    keccak256_many_at(messages[:asked])
    asked = 0
    for node in range(merged):
        first, last = rows[node, FIRST], rows[node, LAST]
        above = depth_above(first, last, count)
        if first < last and above < depth - 1 and shared_by(first, last, count) == depth:
            address = target
            target = write_extension(target, rows, node, above + 1, depth, count)
            note(rows, node, address, target, first, last, messages, asked)
            asked += 1
    keccak256_many_at(messages[:asked])
    return merged, target


@njit_without_lock
def write_root(items, starts, count, nodes, root):
    """
    Compute the root of at least one item.

    items : int64     address of the first; they lie one behind another
    starts : int64    address of int64[count + 1]: where each begins, and the last one ends, from `items`
    nodes : int64     room for all nodes: the items, EXTRA_BYTES for each, and PATH_SIZE_BYTES_MAX
    root : int64      address of 32 bytes, written

    Returns where the last node ends.
    """
    rows, messages = np.empty((count, ROW_SIZE), np.int64), np.empty((count, 3), np.int64)
    target = write_leaves(items, starts, count, nodes, rows, messages)
    node_count, depth = count, KEY_NIBBLES_MAX - 1
    while node_count > 1:
        node_count, target = merge(rows, node_count, depth, count, target, messages)
        depth -= 1
    copy_bytes(root, digest_of(rows, 0), HASH_SIZE_BYTES)
    return rows[0, ADDRESS] + rows[0, SIZE]
