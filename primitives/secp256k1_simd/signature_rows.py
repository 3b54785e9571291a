"""
SIGNATURE records, read and written by eight lanes at once.

Lane i of a group works on the record whose address is the i-th of the group; nothing else has to be so about them.
"""

from typing import Final

from primitives.secp256k1_simd.ir_writer import LANES, WORD_MAX, Function, Lanes
from primitives.secp256k1_simd.work_area import SIGNATURES_IN_UNIT

ADDRESS_SIZE_BYTES: Final = 8
ALIGNMENT: Final = 8  # Of records and of all fields that are read here.
_HALF: Final = LANES // 2
_HALF_VECTOR: Final = f"<{_HALF} x i64>"


def places(f: Function, unit: str, group: int) -> list[str]:
    """Pointers to the records of a group; `unit` is an index of an i64, and the addresses are at %places."""
    row = f.row("%places", unit, SIGNATURES_IN_UNIT * ADDRESS_SIZE_BYTES, group * LANES * ADDRESS_SIZE_BYTES)
    addresses = [f.scalar(f"load i64, ptr {f.place(row, ADDRESS_SIZE_BYTES * lane)}") for lane in range(LANES)]
    return [f.scalar(f"inttoptr i64 {address} to ptr") for address in addresses]


def load_eight(f: Function, pointers: list[str], offset: int) -> list[Lanes]:
    """Eight words of each record."""
    return f.transposed([f.load(pointer, offset, alignment=ALIGNMENT) for pointer in pointers])


def load_four(f: Function, pointers: list[str], offset: int, alignment: int = ALIGNMENT) -> list[Lanes]:
    """Four words of each record, or of whatever is there."""
    halves = [
        f.scalar(f"load {_HALF_VECTOR}, ptr {f.place(pointer, offset)}, align {alignment}") for pointer in pointers
    ]
    order = ", ".join(f"i32 {place}" for place in range(LANES))
    joined = []
    for low, high in zip(halves[:_HALF], halves[_HALF:], strict=True):
        text = f"shufflevector {_HALF_VECTOR} {low}, {_HALF_VECTOR} {high}, <8 x i32> <{order}>"
        joined.append(Lanes(f.scalar(text), 0, WORD_MAX))
    return f.transposed(joined)


def store_eight(f: Function, words: list[Lanes], pointers: list[str], offset: int) -> None:
    """Eight words into each record."""
    for row, pointer in zip(f.transposed(words), pointers, strict=True):
        f.store(row, pointer, offset, alignment=ALIGNMENT)


def store_four(f: Function, words: list[Lanes], pointers: list[str], offset: int) -> None:
    """Four words into each record."""
    for index, pair in enumerate(f.transposed(words)):
        for half in range(2):
            order = ", ".join(f"i32 {_HALF * half + place}" for place in range(_HALF))
            text = f"shufflevector <8 x i64> {pair.name}, <8 x i64> poison, <{_HALF} x i32> <{order}>"
            place = f.place(pointers[_HALF * half + index], offset)
            f.line(f"store {_HALF_VECTOR} {f.scalar(text)}, ptr {place}, align {ALIGNMENT}")


def store_one(f: Function, word: Lanes, pointers: list[str], offset: int) -> None:
    """A word into each record."""
    for lane, pointer in enumerate(pointers):
        value = f.scalar(f"extractelement <8 x i64> {word.name}, i32 {lane}")
        f.line(f"store i64 {value}, ptr {f.place(pointer, offset)}")
