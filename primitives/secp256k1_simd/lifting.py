"""
The first step of a recovery, for as many units as a call brings: the point R whose x is r.

    lift(places, unit_count, work) -> unit_count

The arguments are those of `recover` (`recovery.py`). A record gets y of the point that has the parity, where the hash
of its key will be; or INVALID, if r is the x of no point. Half of all numbers are none, so such an r costs nobody
anything to make: it must not cost more here than with libsecp256k1, which notices at once.

Source: SEC 1, version 2.0, section 2.3.4; p = 3 mod 4, so a root is a power.
"""

from primitives.secp256k1 import B, P
from primitives.secp256k1_simd.field import Element, reduced, square
from primitives.secp256k1_simd.ir_writer import Function, constant
from primitives.secp256k1_simd.limbs import from_words, to_words
from primitives.secp256k1_simd.signature_rows import load_four, places, store_four, store_one
from primitives.secp256k1_simd.work_area import GROUPS, SHARED
from primitives.signature_record import INVALID, IS_VALID_AT, KEY_HASH_AT, NUMBERS_AT, UNDECIDED, Y_PARITY_AT

Y_AT = KEY_HASH_AT
ENTRY = "lift"


def lift() -> str:
    """The text of `lift`; `square_root` is another function of the module."""
    f = Function(ENTRY, "ptr noalias %places, i64 %count, ptr noalias %work", is_exported=True)
    root_at, cube_at, chain = (f.place("%work", SHARED[name]) for name in ("y", "cube", "chain"))
    with f.loop("%count") as loop:
        pointers = [places(f, loop.index, group) for group in range(GROUPS)]
        words = [load_four(f, each, NUMBERS_AT) for each in pointers]
        x = Element(f, [from_words(f, [f.bytes_reversed(word) for word in group[::-1]]) for group in words])
        cube = reduced(square(x)) * x + Element.constant(f, B, GROUPS)
        cube.store(cube_at)
        f.call("square_root", root_at, cube_at, chain)
        root = Element.load(f, root_at, GROUPS)
        is_root = reduced(square(root), minus=Element.load(f, cube_at, GROUPS)).is_zero()
        root = root.residue()
        # Zero has no opposite that is below p, but no point has y = 0: the order is odd.
        opposite = (Element.constant(f, P, GROUPS) - root).residue()
        parities = [load_four(f, each, Y_PARITY_AT)[0] for each in pointers]
        has_parity = [
            f.is_equal(f.low_bits(limbs[0], 1), parity) for limbs, parity in zip(root.groups, parities, strict=True)
        ]
        y = root.select(has_parity, opposite)
        for group, each in enumerate(pointers):
            store_four(f, to_words(f, y.groups[group]), each, Y_AT)
            store_one(f, f.select(is_root[group], constant(UNDECIDED), constant(INVALID)), each, IS_VALID_AT)
    return f.text("%count")
