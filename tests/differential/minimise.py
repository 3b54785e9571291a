"""
Smaller cases that still show the difference: fewer transactions, contracts without code, programs without instructions.

An instruction is taken out by writing JUMPDEST over it and its data: what is left stays where it is, and with it every
target of a jump.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from tests.differential.cases import Case

JUMPDEST: Final = 0x5B
PUSH1: Final = 0x60
PUSH32: Final = 0x7F

StillDiffers = Callable[[Case], bool]


def minimised(case: Case, still_differs: StillDiffers) -> Case:
    """`case`, or a smaller one that still differs; each step is taken as often as it helps."""
    case = _without_transactions(case, still_differs)
    case = _without_accounts(case, still_differs)
    for account in case.accounts:
        if account.code:
            code = minimised_code(account.code, _in_place_of(case, account.address, still_differs))
            case = case.with_code(account.address, code)
    return case


def minimised_code(code: bytes, still_differs: Callable[[bytes], bool]) -> bytes:
    """`code` with as many instructions taken out as can be: halves first, then quarters, down to single ones."""
    if still_differs(b""):
        return b""
    size = len(code)
    while size:
        for start in range(0, len(code), size):
            smaller = _without_instructions(code, start, start + size)
            if smaller != code and still_differs(smaller):
                code = smaller
        size //= 2
    code = code.rstrip(b"\x5b")
    return code if still_differs(code) else code + b"\x5b"


def instructions(code: bytes) -> Iterator[tuple[int, int]]:
    """Where each instruction begins and ends, its data included."""
    position = 0
    while position < len(code):
        opcode = code[position]
        end = position + 1 + (opcode - PUSH1 + 1 if PUSH1 <= opcode <= PUSH32 else 0)
        yield position, min(end, len(code))
        position = end


def _without_instructions(code: bytes, first: int, end: int) -> bytes:
    """`code` with JUMPDEST over the instructions that begin at `first` or later, and before `end`."""
    smaller = bytearray(code)
    for start, stop in instructions(code):
        if first <= start < end:
            smaller[start:stop] = bytes((JUMPDEST,)) * (stop - start)
    return bytes(smaller)


def _in_place_of(case: Case, address: bytes, still_differs: StillDiffers) -> Callable[[bytes], bool]:
    return lambda code: still_differs(case.with_code(address, code))


def _without_transactions(case: Case, still_differs: StillDiffers) -> Case:
    for index in reversed(range(len(case.plans))):
        smaller = replace(case, plans=case.plans[:index] + case.plans[index + 1 :])
        if smaller.plans and still_differs(smaller):
            case = smaller
    return case


def _without_accounts(case: Case, still_differs: StillDiffers) -> Case:
    for account in case.accounts:
        smaller = replace(case, accounts=tuple(other for other in case.accounts if other is not account))
        if still_differs(smaller):
            case = smaller
    return case
