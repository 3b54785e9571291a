"""
Bytecode as the reference engine runs it: which positions begin an instruction, found once for each code.

py-evm finds this out by looking back from each jump, recursively, deeper than any recursion limit in code made of
PUSH1 alone.
"""

import re
from functools import lru_cache
from typing import Final

from eth.vm.code_stream import CodeStream

PUSH1: Final = 0x60
CODES_CACHED_MAX: Final = 1_024  # Of at most 49,152 bytes each, and as many again: 100 MB if all are that long.

_PUSH: Final = re.compile(rb"[\x60-\x7f]")


@lru_cache(CODES_CACHED_MAX)
def instruction_starts(code: bytes) -> bytes:
    """For each byte of `code`, 1 if an instruction begins there, 0 if it is data of a PUSH (Yellow Paper, 9.4.3)."""
    starts = bytearray(b"\x01" * len(code))
    push = _PUSH.search(code)
    while push is not None:
        data_start = push.start() + 1
        data_end = data_start + code[push.start()] - PUSH1 + 1
        starts[data_start:data_end] = bytes(min(data_end, len(code)) - data_start)
        push = _PUSH.search(code, data_end)
    return bytes(starts)


class Bytecode(CodeStream):
    """py-evm's code stream with jumps checked in one lookup."""

    __slots__ = ()

    def is_valid_opcode(self, position: int) -> bool:
        """Whether an instruction begins at `position`."""
        return position < self._length_cache and instruction_starts(self._raw_code_bytes)[position] == 1
