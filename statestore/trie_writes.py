"""Writes to the tries of a state: they change the tree and take references away; nothing is hashed but keys."""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np

from primitives.keccak_kernels import keccak256_many_at, write_message
from primitives.kernels_cache import njit, njit_without_lock
from primitives.memory import copy_bytes
from primitives.records import address_of, offset_of, row_of
from primitives.rlp_kernels import write_number
from primitives.u256 import load_big_endian, load_limbs
from statestore.trie_nodes import (
    CHILD_COUNT,
    IS_ACCOUNT,
    LEAF,
    as_trie,
    branch_of,
    child_link,
    forget_reference,
    free_branch,
    free_leaf,
    is_leaf,
    leaf_of,
    new_branch,
    new_leaf,
    node_at,
    root_link,
    set_node,
    shared_nibbles,
    slot_of,
    storage_link,
    value_of,
)
from statestore.trie_paths import HASH_SIZE_BYTES

# What became of an account, with the slots that changed from where those of the one before end.
CHANGE = np.dtype(
    [
        ("address", np.uint8, 20),
        ("exists", np.uint32),
        ("nonce", np.uint64),
        ("balance", np.uint64, 4),
        ("code_hash", np.uint8, 32),
        ("slots_end", np.int64),
    ]
)
SLOT_SIZE_BYTES: Final = 32 + 32  # Key, most significant byte first; value, least significant byte first.
ADDRESS_SIZE_BYTES, KEY_SIZE_BYTES = 20, 32
KEY_NIBBLES: Final = 64
STACK_SIZE: Final = (KEY_NIBBLES + 1) * CHILD_COUNT  # Nodes that wait while a tree is gone through.

_change = row_of(CHANGE)
_CHANGED_ADDRESS, _CHANGED_CODE_HASH = offset_of(CHANGE, "address"), offset_of(CHANGE, "code_hash")
_CODE_HASH = offset_of(LEAF, "code_hash")


@njit
def put(trie, link, key, nibble_count):
    """
    The leaf of a key in the trie whose uppermost node is named at an address, a new one if there was none.

    link, nibble_count : int64
    key : U256
    """
    while True:
        node = node_at(link)
        if node == 0:
            node = new_leaf(trie, key, nibble_count)
            set_node(link, node)
            return node
        forget_reference(trie, node)
        if is_leaf(node):
            leaf = leaf_of(trie, node)
            shared = min(shared_nibbles(key, leaf.key), nibble_count, leaf.nibble_count)
            if shared == nibble_count and shared == leaf.nibble_count:
                return node
            slot = slot_of(leaf.key, leaf.nibble_count, shared)
        else:
            branch = branch_of(trie, node)
            shared = min(shared_nibbles(key, branch.key), nibble_count)
            if shared >= branch.depth:
                link = child_link(branch, slot_of(key, nibble_count, branch.depth))
                if node_at(link) == 0:
                    branch.child_count += 1
                continue
            slot = slot_of(branch.key, KEY_NIBBLES, shared)
        above = new_branch(trie, key, shared)
        branch = branch_of(trie, above)
        set_node(child_link(branch, slot), node)
        branch.child_count = 2
        set_node(link, above)
        link = child_link(branch, slot_of(key, nibble_count, shared))


@njit
def find(trie, link, key, nibble_count):
    """The leaf of a key, 0 if there is none; the arguments are those of `put`."""
    while True:
        node = node_at(link)
        if node == 0:
            return 0
        if is_leaf(node):
            leaf = leaf_of(trie, node)
            return node if leaf.key == key and leaf.nibble_count == nibble_count else 0
        branch = branch_of(trie, node)
        if min(shared_nibbles(key, branch.key), nibble_count) < branch.depth:
            return 0
        link = child_link(branch, slot_of(key, nibble_count, branch.depth))


@njit
def remove(trie, link, key, nibble_count):
    """Take the leaf of a key out, if there is one; the arguments are those of `put`."""
    found = find(trie, link, key, nibble_count)
    if found == 0:
        return
    above = 0
    while node_at(link) != found:
        above = link
        branch = branch_of(trie, node_at(link))
        branch.reference_size = 0
        link = child_link(branch, slot_of(key, nibble_count, branch.depth))
    set_node(link, 0)
    free_leaf(trie, found)
    if above != 0:
        branch = branch_of(trie, node_at(above))
        branch.child_count -= 1
        if branch.child_count == 1:
            replace_by_child(trie, above)


@njit
def replace_by_child(trie, link):
    """Put the only child of the branch that is named at an address in its place."""
    node = node_at(link)
    branch = branch_of(trie, node)
    slot = 0
    while node_at(child_link(branch, slot)) == 0:
        slot += 1
    child = node_at(child_link(branch, slot))
    forget_reference(trie, child)
    set_node(link, child)
    free_branch(trie, node)


@njit
def remove_all(trie, link):
    """Take all leaves out of the trie whose uppermost node is named at an address; none of them is an account."""
    waiting, count = np.empty(STACK_SIZE, np.int64), 1
    waiting[0] = node_at(link)
    set_node(link, 0)
    while count > 0:
        count -= 1
        node = waiting[count]
        if is_leaf(node):
            free_leaf(trie, node)
        elif node != 0:
            branch = branch_of(trie, node)
            for slot in range(CHILD_COUNT):
                waiting[count] = node_at(child_link(branch, slot))
                count += 1
            free_branch(trie, node)


@njit
def remove_account(trie, key):
    """Take an account out, with its storage, if it is there."""
    node = find(trie, root_link(trie), key, KEY_NIBBLES)
    if node != 0:
        remove_all(trie, storage_link(leaf_of(trie, node)))
        remove(trie, root_link(trie), key, KEY_NIBBLES)


@njit
def put_account(trie, key, change):
    """Write the fields of an account, which may be new; returns its leaf."""
    node = put(trie, root_link(trie), key, KEY_NIBBLES)
    leaf = leaf_of(trie, node)
    leaf.value_size = IS_ACCOUNT
    leaf.nonce, leaf.balance = change.nonce, change.balance
    copy_bytes(address_of(leaf) + _CODE_HASH, address_of(change) + _CHANGED_CODE_HASH, HASH_SIZE_BYTES)
    return node


@njit
def put_slot(trie, link, key, value):
    """Write a slot, a U256, into the storage whose uppermost node is named at an address; 0 takes it out."""
    if value == 0:
        remove(trie, link, key, KEY_NIBBLES)
        return
    leaf = leaf_of(trie, put(trie, link, key, KEY_NIBBLES))
    leaf.value_size = write_number(value_of(leaf), value) - value_of(leaf)


@njit_without_lock
def write_changes(trie_address, changes, count, slots):
    """
    Write accounts and their slots; there is room for as many leaves and branches as there are of both.

    trie_address : int64
    changes : int64     address of CHANGE[count]
    slots : int64       address of all their slots, SLOT_SIZE_BYTES each

    Returns how many keys were hashed.
    """
    trie = as_trie(trie_address)
    slot_count = _change(changes, count - 1, count).slots_end
    hashes = np.empty((count + slot_count, HASH_SIZE_BYTES), np.uint8)
    first = np.int64(hashes.ctypes.data)
    messages = np.empty((count + slot_count, 3), np.int64)
    for index in range(count):
        address = address_of(_change(changes, index, count)) + _CHANGED_ADDRESS
        write_message(messages, index, address, ADDRESS_SIZE_BYTES, first + HASH_SIZE_BYTES * index)
    of_slots = first + HASH_SIZE_BYTES * count
    for index in range(slot_count):
        key, digest = slots + SLOT_SIZE_BYTES * index, of_slots + HASH_SIZE_BYTES * index
        write_message(messages, count + index, key, KEY_SIZE_BYTES, digest)
    keccak256_many_at(messages)
    slot = 0
    for index in range(count):
        change, key = _change(changes, index, count), load_big_endian(first + HASH_SIZE_BYTES * index)
        if change.exists == 0:
            remove_account(trie, key)
            slot = change.slots_end
            continue
        link = storage_link(leaf_of(trie, put_account(trie, key, change)))
        while slot < change.slots_end:
            value = load_limbs(slots + SLOT_SIZE_BYTES * slot + KEY_SIZE_BYTES)
            put_slot(trie, link, load_big_endian(of_slots + HASH_SIZE_BYTES * slot), value)
            slot += 1
    return len(hashes)  # Mentioned, so that it lives until here.
