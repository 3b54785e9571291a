"""
How deeply a JSON text is nested, found without descending into it.

Decoders in C (json, msgspec) recurse with every bracket and stop only at Python's recursion limit. py_ecc and
py-evm raise that limit to 100,000 for the whole process, and on Python 3.11 a text of as many brackets then
overflows the C stack: the process dies with SIGSEGV. So whatever comes from outside is measured first.
"""

import re
from typing import Final

import numpy as np

# A string, also one that never ends; possessive, so that no text makes it read anything twice.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_OPENING: Final = b"[{"
_NOT_BRACKETS: Final = bytes(code for code in range(256) if code not in b"[]{}")


def is_deeper_than(text: bytes, depth_max: int) -> bool:
    """Whether lists and objects in the JSON `text` (UTF-8, valid or not) are nested deeper than `depth_max`."""
    if sum(text.count(bracket) for bracket in (b"[", b"{")) <= depth_max:
        return False
    brackets = np.frombuffer(_STRING.sub(b"", text).translate(None, _NOT_BRACKETS), dtype=np.uint8)
    if not brackets.size:
        return False
    steps = np.where(np.isin(brackets, np.frombuffer(_OPENING, dtype=np.uint8)), 1, -1)
    return bool(np.cumsum(steps).max() > depth_max)
