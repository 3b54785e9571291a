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
_NOT_BRACKETS: Final = bytes(code for code in range(256) if code not in b"[]{}")
_STEPS: Final = np.array([1 if code in b"[{" else -1 for code in range(256)], dtype=np.int32)


def is_deeper_than(text: bytes, depth_max: int) -> bool:
    """Whether lists and objects in the JSON `text` (UTF-8, valid or not) are nested deeper than `depth_max`."""
    if sum(text.count(bracket) for bracket in (b"[", b"{")) <= depth_max:
        return False
    if b"\\" in text:
        outside = _STRING.sub(b"", text)
    else:  # Nothing is escaped: strings are what is between each odd quotation mark and the next one.
        outside = b"".join(text.split(b'"')[::2])
    brackets = np.frombuffer(outside.translate(None, _NOT_BRACKETS), dtype=np.uint8)
    if not brackets.size:
        return False
    return bool(np.cumsum(_STEPS[brackets], dtype=np.int32).max() > depth_max)
