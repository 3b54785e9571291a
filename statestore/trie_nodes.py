"""
The nodes of Merkle Patricia tries, as records in two tables.

A node is named by a number: twice its row, and one more if it is a leaf; 0 is none. Keys are up to 64 nibbles at the
upper end of a U256. A branch says at which nibble its children part; an extension has no record: it is what stands
between a branch, or the root, and a branch that lies deeper than one nibble below. A key that ends at a branch has a
leaf there, behind the sixteen others.

Each node keeps what stands for it in its parent (Yellow Paper, appendix D), itself or its hash; a write takes that away
from all that is above it. Rows that are free again are linked, and taken before new ones.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

import numpy as np

from primitives.kernels_cache import njit, njit_inlined
from primitives.memory import clear_bytes, load_uint32, store_uint32
from primitives.records import address_of, offset_of, record_at, row_of
from primitives.wide_integers import leading_zeros, low_int64

CHILD_COUNT: Final = 17
ENDS_HERE: Final = 16  # The child that is the leaf of a key that ends at the branch.
VALUE_SIZE_BYTES_MAX: Final = 104
IS_ACCOUNT: Final = 255  # In the place of a value's size.
IS_HASHED: Final = 32  # The size of a reference that is a hash; 0 is one that has to be made.

LEAF = np.dtype(
    [
        ("key", np.uint64, 4),
        ("reference", np.uint64, 4),  # bytes
        # An account, or a value of up to VALUE_SIZE_BYTES_MAX in the same place.
        ("balance", np.uint64, 4),  # wei
        ("code_hash", np.uint64, 4),  # bytes
        ("storage_root", np.uint64, 4),  # bytes, as of the last root
        ("nonce", np.uint64),
        ("storage", np.uint32),  # the uppermost node of its storage; of a free row, the next one
        ("nibble_count", np.uint8),
        ("value_size", np.uint8),
        ("reference_size", np.uint8),
        ("reserved", np.uint8),
    ]
)
BRANCH = np.dtype(
    [
        ("key", np.uint64, 4),  # of which all below share the first `depth` nibbles
        ("reference", np.uint64, 4),  # bytes
        ("children", np.uint32, CHILD_COUNT),  # of a free row, the first is the next one
        ("depth", np.uint8),
        ("child_count", np.uint8),
        ("reference_size", np.uint8),
        ("reserved", np.uint8),
    ]
)
TRIE = np.dtype(
    [
        ("leaves", np.int64),  # address of LEAF[leaf_capacity]
        ("leaf_capacity", np.int64),
        ("leaf_count", np.int64),  # rows ever used, row 0 included
        ("free_leaf", np.int64),  # first of the free rows, 0 for none
        ("branches", np.int64),
        ("branch_capacity", np.int64),
        ("branch_count", np.int64),
        ("free_branch", np.int64),
        ("empty_root", np.uint64, 4),  # bytes
        ("root", np.uint32),  # the uppermost node
        ("reserved", np.uint32),
    ]
)
assert offset_of(LEAF, "storage") - offset_of(LEAF, "balance") >= VALUE_SIZE_BYTES_MAX

LEAF_SIZE_BYTES, BRANCH_SIZE_BYTES = LEAF.itemsize, BRANCH.itemsize

as_trie = record_at(TRIE)
_leaf, _branch = row_of(LEAF), row_of(BRANCH)
_CHILDREN, _STORAGE, _VALUE = offset_of(BRANCH, "children"), offset_of(LEAF, "storage"), offset_of(LEAF, "balance")
_REFERENCE, _ROOT, _EMPTY_ROOT = offset_of(LEAF, "reference"), offset_of(TRIE, "root"), offset_of(TRIE, "empty_root")
assert offset_of(BRANCH, "reference") == _REFERENCE


@njit_inlined
def leaf_of(trie, node):
    """The LEAF that a node is."""
    return _leaf(trie.leaves, node >> 1, trie.leaf_capacity)


@njit_inlined
def branch_of(trie, node):
    """The BRANCH that a node is."""
    return _branch(trie.branches, node >> 1, trie.branch_capacity)


@njit_inlined
def is_leaf(node):
    """Whether a node (int64) is a leaf."""
    return node & 1 != 0


@njit_inlined
def node_at(link):
    """The node (int64) that is named at an address."""
    return np.int64(load_uint32(link))


@njit_inlined
def set_node(link, node):
    """Name a node (int64) at an address."""
    store_uint32(link, np.uint64(node))


@njit_inlined
def root_link(trie):
    """Where (int64) the uppermost node is named."""
    return address_of(trie) + _ROOT


@njit_inlined
def empty_root_of(trie):
    """Where (int64) the hash of a trie of nothing is."""
    return address_of(trie) + _EMPTY_ROOT


@njit_inlined
def storage_link(leaf):
    """Where (int64) the uppermost node of an account's storage is named."""
    return address_of(leaf) + _STORAGE


@njit_inlined
def child_link(branch, slot):
    """Where (int64) one of a branch's children is named."""
    return address_of(branch) + _CHILDREN + 4 * slot


@njit_inlined
def reference_of(record):
    """Where (int64) the reference of a LEAF or BRANCH is."""
    return address_of(record) + _REFERENCE


@njit_inlined
def value_of(leaf):
    """Where (int64) the value of a leaf is that is no account."""
    return address_of(leaf) + _VALUE


@njit_inlined
def slot_of(key, nibble_count, depth):
    """Which child of a branch at a depth (int64) a key, a U256, belongs to."""
    return ENDS_HERE if nibble_count == depth else low_int64(key >> (252 - 4 * depth)) & 15


@njit_inlined
def shared_nibbles(one, other):
    """How many nibbles two keys, U256, begin with in common, 64 if all."""
    return leading_zeros(one ^ other) >> 2


@njit
def new_leaf(trie, key, nibble_count):
    """A leaf without a value; there is room for it."""
    row = trie.free_leaf
    if row != 0:
        trie.free_leaf = leaf_of(trie, 2 * row).storage
    else:
        row = trie.leaf_count
        trie.leaf_count = row + 1
    leaf = leaf_of(trie, 2 * row)
    clear_bytes(address_of(leaf), LEAF_SIZE_BYTES)
    leaf.key, leaf.nibble_count = key, nibble_count
    return 2 * row + 1


@njit
def new_branch(trie, key, depth):
    """A branch without children; there is room for it."""
    row = trie.free_branch
    if row != 0:
        trie.free_branch = node_at(child_link(branch_of(trie, 2 * row), 0))
    else:
        row = trie.branch_count
        trie.branch_count = row + 1
    branch = branch_of(trie, 2 * row)
    clear_bytes(address_of(branch), BRANCH_SIZE_BYTES)
    branch.key, branch.depth = key, depth
    return 2 * row


@njit
def free_leaf(trie, node):
    """Let the row of a leaf be taken again."""
    leaf_of(trie, node).storage = trie.free_leaf
    trie.free_leaf = node >> 1


@njit
def free_branch(trie, node):
    """Let the row of a branch be taken again."""
    set_node(child_link(branch_of(trie, node), 0), trie.free_branch)
    trie.free_branch = node >> 1


@njit
def forget_reference(trie, node):
    """Have the reference of a node be made again."""
    if is_leaf(node):
        leaf_of(trie, node).reference_size = 0
    else:
        branch_of(trie, node).reference_size = 0


@njit
def reference_at(trie, node):
    """Where (int64) the reference of a node is."""
    return reference_of(leaf_of(trie, node)) if is_leaf(node) else reference_of(branch_of(trie, node))


@njit
def reference_size_of(trie, node):
    """How many bytes the reference of a node has; IS_HASHED, or 0 if it has to be made."""
    return leaf_of(trie, node).reference_size if is_leaf(node) else branch_of(trie, node).reference_size
