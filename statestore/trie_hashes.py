"""
The roots of tries: references are made of all nodes that have none, the deepest first, in the lanes of the processor's
vectors. Source: Yellow Paper, appendix D.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np

from primitives.keccak_kernels import keccak256_at, keccak256_many_at, write_message
from primitives.kernels_cache import njit, njit_without_lock
from primitives.memory import copy_bytes, load_byte, store_byte
from primitives.records import address_of, offset_of
from primitives.rlp_kernels import LIST, STRING, header_size, number_size, write_header, write_number
from primitives.u256 import store_big_endian
from primitives.wide_integers import u256
from statestore.trie_nodes import (
    CHILD_COUNT,
    ENDS_HERE,
    IS_ACCOUNT,
    IS_HASHED,
    LEAF,
    as_trie,
    branch_of,
    child_link,
    empty_root_of,
    is_leaf,
    leaf_of,
    node_at,
    reference_at,
    reference_of,
    reference_size_of,
    root_link,
    storage_link,
    value_of,
)
from statestore.trie_paths import HASH_SIZE_BYTES, LEAF_FLAG, PATH_SIZE_BYTES_MAX, path_size, write_path

CHUNK_NODES: Final = 512  # Whose encodings are in memory at a time, 300 KB.
NODE_SIZE_BYTES_MAX: Final = 3 + CHILD_COUNT * (1 + HASH_SIZE_BYTES) + PATH_SIZE_BYTES_MAX  # A branch has most.
LEVEL_COUNT_MAX: Final = 64 + 1  # A branch for each nibble of a key, and its leaf.
LEVEL_BOUNDS: Final = LEVEL_COUNT_MAX + 2  # Where each begins, and the empty one behind them begins and ends.
_STORAGE_ROOT, _CODE_HASH = offset_of(LEAF, "storage_root"), offset_of(LEAF, "code_hash")


@njit
def write_reference(target, trie, node):
    """Write what stands for a node (int64) in its parent; where that ends."""
    size = reference_size_of(trie, node)
    if size == IS_HASHED:
        store_byte(target, STRING + HASH_SIZE_BYTES)
        target += 1
    copy_bytes(target, reference_at(trie, node), size)
    return target + size


@njit
def reference_item_size(trie, node):
    """How many bytes that takes."""
    size = reference_size_of(trie, node)
    return 1 + HASH_SIZE_BYTES if size == IS_HASHED else size


@njit
def account_size(leaf):
    """How many bytes the fields of an account have, encoded."""
    return number_size(u256(leaf.nonce)) + number_size(leaf.balance) + 2 * (1 + HASH_SIZE_BYTES)


@njit
def write_account(target, leaf):
    """Write an account (Yellow Paper, 4.1); where (int64) it ends."""
    target = write_header(target, account_size(leaf), LIST)
    target = write_number(target, u256(leaf.nonce))
    target = write_number(target, leaf.balance)
    for field in (_STORAGE_ROOT, _CODE_HASH):
        store_byte(target, STRING + HASH_SIZE_BYTES)
        copy_bytes(target + 1, address_of(leaf) + field, HASH_SIZE_BYTES)
        target += 1 + HASH_SIZE_BYTES
    return target


@njit
def value_item_size(leaf):
    """How many bytes the value of a leaf takes as an item."""
    if leaf.value_size == IS_ACCOUNT:
        size = account_size(leaf)
        size += header_size(size)
    else:
        size = leaf.value_size
        if size == 1 and load_byte(value_of(leaf)) < STRING:
            return 1
    return header_size(size) + size


@njit
def write_value(target, leaf):
    """Write the value of a leaf as an item; where (int64) it ends."""
    size = leaf.value_size
    if size == IS_ACCOUNT:
        size = account_size(leaf)
        target = write_header(target, header_size(size) + size, STRING)
        return write_account(target, leaf)
    if not (size == 1 and load_byte(value_of(leaf)) < STRING):
        target = write_header(target, size, STRING)
    copy_bytes(target, value_of(leaf), size)
    return target + size


@njit
def write_leaf(target, leaf, start):
    """Write a leaf whose path begins at a nibble (int64); where it ends."""
    target = write_header(target, path_size(start, leaf.nibble_count) + value_item_size(leaf), LIST)
    target = write_path(target, leaf.key, start, leaf.nibble_count, LEAF_FLAG)
    return write_value(target, leaf)


@njit
def write_branch(target, trie, branch):
    """Write a branch, whose children have references; where (int64) it ends."""
    size = 0
    for slot in range(CHILD_COUNT):
        child = node_at(child_link(branch, slot))
        if child == 0:
            size += 1
        elif slot == ENDS_HERE:
            size += value_item_size(leaf_of(trie, child))
        else:
            size += reference_item_size(trie, child)
    target = write_header(target, size, LIST)
    for slot in range(CHILD_COUNT):
        child = node_at(child_link(branch, slot))
        if child == 0:
            store_byte(target, STRING)
            target += 1
        elif slot == ENDS_HERE:
            target = write_value(target, leaf_of(trie, child))
        else:
            target = write_reference(target, trie, child)
    return target


@njit
def write_extension(target, trie, node, start):
    """Write what stands between a nibble (int64) and a branch that has a reference; where it ends."""
    branch = branch_of(trie, node)
    target = write_header(target, path_size(start, branch.depth) + reference_item_size(trie, node), LIST)
    target = write_path(target, branch.key, start, branch.depth, 0)
    return write_reference(target, trie, node)


@njit
def keep_reference(record, address, size, messages, asked):
    """
    Make the encoding of a node, `size` bytes at an address, its reference, or have it hashed.

    messages : int64[n, 3]    modified; as `keccak256_many_at` takes them
    asked : int64             how many of them there are so far

    Returns how many there are then.
    """
    if size < IS_HASHED:
        copy_bytes(reference_of(record), address, size)
        record.reference_size = size
        return asked
    write_message(messages, asked, address, size, reference_of(record))
    record.reference_size = IS_HASHED
    return asked + 1


@njit
def make_references(trie, work, begin, end, scratch, messages):
    """
    Make the references of nodes whose children have theirs.

    work : int64[n, 2]      nodes, and the nibbles at which their paths begin; from `begin` to `end`
    scratch : int64         address of room for CHUNK_NODES nodes
    messages : int64[CHUNK_NODES, 3]
    """
    asked, target = 0, scratch
    for index in range(begin, end):
        node, start, address = work[index, 0], work[index, 1], target
        if is_leaf(node):
            target = write_leaf(address, leaf_of(trie, node), start)
            asked = keep_reference(leaf_of(trie, node), address, target - address, messages, asked)
        else:
            target = write_branch(address, trie, branch_of(trie, node))
            asked = keep_reference(branch_of(trie, node), address, target - address, messages, asked)
    keccak256_many_at(messages[:asked])
    asked, target = 0, scratch
    for index in range(begin, end):
        node, start, address = work[index, 0], work[index, 1], target
        if not is_leaf(node) and branch_of(trie, node).depth > start:
            target = write_extension(address, trie, node, start)
            asked = keep_reference(branch_of(trie, node), address, target - address, messages, asked)
    keccak256_many_at(messages[:asked])


@njit
def gather_below(trie, work, begin, count):
    """
    Append to `work` what is below the nodes in it, from `begin` to `count`, and has no reference.

    Returns how many are in it then.
    """
    end = count
    for index in range(begin, end):
        node = work[index, 0]
        if is_leaf(node):
            continue
        branch = branch_of(trie, node)
        for slot in range(ENDS_HERE):
            child = node_at(child_link(branch, slot))
            if child != 0 and reference_size_of(trie, child) == 0:
                work[count, 0], work[count, 1] = child, branch.depth + 1
                count += 1
    return count


@njit
def gather_all(trie, work, first, count, levels):
    """
    Append to `work` all that is below its nodes from `first` to `count` and has no reference, level by level.

    levels : int64[LEVEL_BOUNDS]    where each level begins, and the last one ends; written

    Returns how many levels there are.
    """
    levels[0], levels[1], level = first, count, 1
    while levels[level] > levels[level - 1]:
        levels[level + 1] = gather_below(trie, work, levels[level - 1], levels[level])
        level += 1
    return level - 1


@njit
def make_all_references(trie, work, levels, level_count):
    """Make the references of all nodes in `work`, as `gather_all` left them, the last level first; bytes of room."""
    room = np.empty(CHUNK_NODES * NODE_SIZE_BYTES_MAX, np.uint8)
    scratch, messages = np.int64(room.ctypes.data), np.empty((CHUNK_NODES, 3), np.int64)
    for level in range(level_count - 1, -1, -1):
        for begin in range(levels[level], levels[level + 1], CHUNK_NODES):
            make_references(trie, work, begin, min(begin + CHUNK_NODES, levels[level + 1]), scratch, messages)
    return len(room)  # Mentioned, so that it lives until here.


@njit
def store_hash(trie, node, target):
    """Write the hash of the uppermost node of a trie, which has a reference, or that of no node."""
    if node == 0:
        copy_bytes(target, empty_root_of(trie), HASH_SIZE_BYTES)
        return
    size = reference_size_of(trie, node)
    if size == IS_HASHED:
        copy_bytes(target, reference_at(trie, node), HASH_SIZE_BYTES)
    else:
        store_big_endian(target, keccak256_at(reference_at(trie, node), size))


@njit_without_lock
def write_root(trie_address, root):
    """
    Bring all references up to date.

    trie_address : int64
    root : int64            address of 32 bytes, the root of the accounts, written

    Returns 0.
    """
    trie = as_trie(trie_address)
    work = np.empty((trie.leaf_count + trie.branch_count, 2), np.int64)
    levels, storage_levels = np.empty(LEVEL_BOUNDS, np.int64), np.empty(LEVEL_BOUNDS, np.int64)
    top, count = node_at(root_link(trie)), 0
    if top != 0 and reference_size_of(trie, top) == 0:
        work[0, 0], work[0, 1], count = top, 0, 1
    level_count = gather_all(trie, work, 0, count, levels)
    account_end = count = levels[level_count]
    for index in range(account_end):
        if is_leaf(work[index, 0]) and leaf_of(trie, work[index, 0]).value_size == IS_ACCOUNT:
            storage = node_at(storage_link(leaf_of(trie, work[index, 0])))
            if storage != 0 and reference_size_of(trie, storage) == 0:
                work[count, 0], work[count, 1] = storage, 0
                count += 1
    storage_level_count = gather_all(trie, work, account_end, count, storage_levels)
    make_all_references(trie, work, storage_levels, storage_level_count)
    for index in range(account_end):
        if is_leaf(work[index, 0]) and leaf_of(trie, work[index, 0]).value_size == IS_ACCOUNT:
            leaf = leaf_of(trie, work[index, 0])
            store_hash(trie, node_at(storage_link(leaf)), address_of(leaf) + _STORAGE_ROOT)
    make_all_references(trie, work, levels, level_count)
    store_hash(trie, top, root)
    return 0
