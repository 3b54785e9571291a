"""
The paths of leaves and extensions, as items: pieces of keys, which are nibbles at the upper end of a U256.

Source: Yellow Paper, appendix C.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from typing import Final

from primitives.kernels_cache import njit
from primitives.memory import store_byte
from primitives.rlp_kernels import STRING
from primitives.u256 import store_big_endian
from primitives.wide_integers import low_int64

HASH_SIZE_BYTES: Final = 32  # Of what stands for a node in its parent, unless the node is shorter.
PATH_SIZE_BYTES_MAX: Final = 34  # What `write_path` may touch, however short the path is.
LEAF_FLAG, ODD_FLAG = 0x20, 0x10


@njit
def path_size(begin, end):
    """How many bytes the item has that holds the nibbles from `begin` to `end`; all int64."""
    size = (end - begin) // 2 + 1
    return size + 1 if size > 1 else 1


@njit
def write_path(target, key, begin, end, flag):
    """
    Write that item; where it ends (int64).

    target, begin, end : int64
    key : U256
    flag : int64    LEAF_FLAG or 0
    """
    size = (end - begin) // 2 + 1
    if size > 1:
        store_byte(target, STRING + size)
        target += 1
    if (end - begin) & 1:
        store_byte(target, flag | ODD_FLAG | (low_int64(key >> (252 - 4 * begin)) & 15))
        begin += 1
    else:
        store_byte(target, flag)
    if begin < end:
        store_big_endian(target + 1, key << (4 * begin))
    return target + size
