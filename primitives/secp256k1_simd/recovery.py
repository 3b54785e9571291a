"""
The whole recovery as one LLVM module: from signatures to public keys, for as many units as a call brings.

    recover(places, unit_count, comb, work) -> unit_count

places : int64[unit_count * SIGNATURES_IN_UNIT], addresses of SIGNATURE records with 0 < r, s < n, a parity of 0 or 1,
    and what `lift` found (`lifting.py`), which did not find them INVALID; one may be there more than once
unit_count : at least 1
comb : address of what `comb.py` makes
work : address of `work_area_size(unit_count)` bytes on a cache line

A record gets its key, and VALID; INVALID if that is infinity; UNDECIDED where the comb met a point twice, of which
libsecp256k1 has to tell. No invalid signature stays UNDECIDED, so nobody can make an answer take both ways for free.

1. `read_signatures`: limbs of r, s, the digest and R; the products of all r up to each.
2. One inversion mod n.
3. `find_scalars`, backwards: 1 / r, u1 = -digest / r and u2 = s / r, cut up for the ladder.
4. `recover_units`: u1 G + u2 R, some units at a time (`ladder.py`).
5. `multiply_zs`, one inversion mod p, and `write_keys`, backwards: the affine points.

Source: SEC 1, version 2.0, section 4.1.6; Montgomery's trick for the inversions.
"""

from typing import Final

from primitives.secp256k1_simd import field, ladder, scalars
from primitives.secp256k1_simd.field import Element, reduced, square
from primitives.secp256k1_simd.ir_writer import DECLARATIONS, VECTOR_SIZE_BYTES, Function, constant
from primitives.secp256k1_simd.lifting import Y_AT, lift
from primitives.secp256k1_simd.limbs import LIMB_BITS, Limbs, constant_limbs, from_words, to_words
from primitives.secp256k1_simd.signature_rows import load_eight, load_four, places, store_eight, store_one
from primitives.secp256k1_simd.work_area import (
    COMB_BITS,
    COMB_PAIRS,
    COMB_WINDOW_BITS,
    GROUPS,
    HALF_BITS,
    SHARED,
    SIGNERS,
    SIGNERS_AT,
    UNIT,
    UNITS,
    UNITS_AT,
    WORDS_OF_GROUP,
)
from primitives.signature_record import (
    DIGEST_AT,
    INVALID,
    IS_VALID_AT,
    NUMBERS_AT,
    POINT_AT,
    UNDECIDED,
    VALID,
)

ENTRY: Final = "recover"
# No invalid signature is UNDECIDED: a chain of sums that meets a point twice in the pair i of the comb does not end at
# infinity. For then the pairs behind i would come to -2 times the pair i, or to 0, mod n. The pair i is an odd multiple
# of 2^(16 i), those behind it together are one of 2^(16 (i + 1)): what would have to be a multiple of n is even, not 0,
# and below 2 n.
assert 2 * COMB_WINDOW_BITS * COMB_PAIRS == 256, "the comb of which that is true"


def module() -> str:
    """The text of the module."""
    routines = (
        *(field.routines(GROUPS), scalars.routines(GROUPS), lift(), ladder.digits(), ladder.odd_multiples()),
        *(ladder.pair_differences(), ladder.pair_sums(), ladder.doublings(), ladder.addition(), ladder.ladder()),
        *(_read_signatures(), _find_scalars(), _recover_units(), _multiply_zs(), _write_keys(), _recover()),
    )
    return DECLARATIONS + "".join(routines)


def _number_at(name: str, group: int) -> int:
    """Where a number of one group is in SIGNERS."""
    return SIGNERS[name] + group * field.NUMBER_SIZE_BYTES


def _vector_at(name: str, group: int) -> int:
    return SIGNERS[name] + group * VECTOR_SIZE_BYTES


def _clean(f: Function, limbs: Limbs) -> Limbs:
    return [f.low_bits(limb, LIMB_BITS) if limb.is_raw else limb for limb in limbs]


def _read_signatures() -> str:
    """The text of `read_signatures(places, signers, count)`; in front of the first are the products of nothing."""
    f = Function("read_signatures", "ptr noalias %places, ptr noalias %signers, i64 %count")
    for group in range(GROUPS):
        for name in ("r_prefix", "z_prefix"):
            scalars.store(f, constant_limbs(1), "%signers", _number_at(name, group))
    with f.loop("%count") as loop:
        before = f.row("%signers", loop.index, SIGNERS.size_bytes)
        here = f.place(before, SIGNERS.size_bytes)
        for group in range(GROUPS):
            pointers = places(f, loop.index, group)
            numbers = load_eight(f, pointers, NUMBERS_AT)
            words = [f.bytes_reversed(word) for word in (*numbers, *load_four(f, pointers, DIGEST_AT))]
            r, s, digest = (_clean(f, from_words(f, words[4 * index : 4 * index + 4][::-1])) for index in range(3))
            y = _clean(f, from_words(f, load_four(f, pointers, Y_AT)))
            for name, limbs in (("r", r), ("r_y", y), ("s", s), ("digest", digest)):
                scalars.store(f, limbs, here, _number_at(name, group))
            f.store(constant(VALID), here, _vector_at("status", group))
            product = scalars.multiply(f, r, scalars.load(f, before, _number_at("r_prefix", group)))
            scalars.store(f, product, here, _number_at("r_prefix", group))
    return f.text()


def _find_scalars() -> str:
    """The text of `find_scalars(signers, count, inverse)`, `inverse` that of the product of all r; modified."""
    f = Function("find_scalars", "ptr noalias %signers, i64 %count, ptr noalias %inverse")
    with f.loop("%count") as loop:
        index = f.scalar(f"sub i64 %count, {loop.index}")
        here = f.row("%signers", index, SIGNERS.size_bytes)
        before = f.place(here, -SIGNERS.size_bytes)
        for group in range(GROUPS):
            inverse = scalars.load(f, "%inverse", group * scalars.SCALAR_SIZE_BYTES)
            r, s, digest = (scalars.load(f, here, _number_at(name, group)) for name in ("r", "s", "digest"))
            r_inverse = scalars.multiply(f, inverse, scalars.load(f, before, _number_at("r_prefix", group)))
            scalars.store(f, scalars.multiply(f, inverse, r), "%inverse", group * scalars.SCALAR_SIZE_BYTES)
            halves = scalars.split(f, scalars.multiply(f, r_inverse, s), HALF_BITS)
            words = [*halves.first, *halves.second, *scalars.comb_scalar(f, r_inverse, digest, COMB_BITS)]
            for place, word in enumerate(words):
                f.store(word, here, SIGNERS["words"] + group * WORDS_OF_GROUP + place * VECTOR_SIZE_BYTES)
    return f.text()


def _recover_units() -> str:
    """
    The text of `recover_units(signers, work, comb, count)`, at most UNITS of them.

    All differences of all pairs are multiplied; then, with the inverse of the product, the units follow backwards.
    """
    f = Function("recover_units", "ptr noalias %signers, ptr noalias %work, ptr noalias %comb, i64 %count")
    running, chain = (f.place("%work", SHARED[name]) for name in ("running", "chain"))
    Element.constant(f, 1, GROUPS).store(running)
    with f.loop("%count") as loop:
        signers = f.row("%signers", loop.index, SIGNERS.size_bytes)
        unit = f.row("%work", loop.index, UNIT.size_bytes, UNITS_AT)
        f.call("digits", signers, unit)
        f.call("odd_multiples", signers, "%work", unit)
        f.call("pair_differences", unit, "%work", "%comb")
    f.call("inverse", running, running, chain)
    with f.loop("%count") as loop:
        index = f.scalar(f"sub i64 %count, {loop.index}")
        index = f.scalar(f"sub i64 {index}, 1")
        signers = f.row("%signers", index, SIGNERS.size_bytes)
        unit = f.row("%work", index, UNIT.size_bytes, UNITS_AT)
        f.call("pair_sums", unit, "%work", "%comb")
        f.call("ladder", signers, "%work", unit)
    return f.text()


def _multiply_zs() -> str:
    """
    The text of `multiply_zs(signers, count)`: the product of all z up to each; a z that is zero counts as one.

    Where z is zero, x says whether the point is infinity, which no key is, or unknown (`points.py`).
    """
    f = Function("multiply_zs", "ptr noalias %signers, i64 %count")
    with f.loop("%count") as loop:
        before = f.row("%signers", loop.index, SIGNERS.size_bytes)
        here = f.place(before, SIGNERS.size_bytes)
        x, z = (Element.load(f, f.place(here, SIGNERS[name]), GROUPS) for name in "xz")
        z_is_zero = z.is_zero()
        for group, (is_zero, is_unknown) in enumerate(zip(z_is_zero, x.is_zero(), strict=True)):
            status = f.load(here, _vector_at("status", group))
            instead = f.select(is_unknown, constant(UNDECIDED), constant(INVALID))
            still_valid = f.is_equal(status, constant(VALID))
            changes = f.both_masks(is_zero, still_valid)
            f.store(f.select(changes, instead, status), here, _vector_at("status", group))
        z = Element.constant(f, 1, GROUPS).select(z_is_zero, z)
        z.store(f.place(here, SIGNERS["z"]))
        product = z * Element.load(f, f.place(before, SIGNERS["z_prefix"]), GROUPS)
        product.store(f.place(here, SIGNERS["z_prefix"]))
    return f.text()


def _write_keys() -> str:
    """The text of `write_keys(places, signers, count, inverse)`, `inverse` that of the product of all z; modified."""
    f = Function("write_keys", "ptr noalias %places, ptr noalias %signers, i64 %count, ptr noalias %inverse")
    with f.loop("%count") as loop:
        index = f.scalar(f"sub i64 %count, {loop.index}")
        unit = f.scalar(f"sub i64 {index}, 1")
        here = f.row("%signers", index, SIGNERS.size_bytes)
        before = f.place(here, -SIGNERS.size_bytes)
        inverse = Element.load(f, "%inverse", GROUPS)
        x, y, z = (Element.load(f, f.place(here, SIGNERS[name]), GROUPS) for name in "xyz")
        z_inverse = inverse * Element.load(f, f.place(before, SIGNERS["z_prefix"]), GROUPS)
        (inverse * z).store("%inverse")
        z_inverse_squared = reduced(square(z_inverse))
        x = (x * z_inverse_squared).residue()
        y = (y * (z_inverse * z_inverse_squared)).residue()
        for group in range(GROUPS):
            status = f.load(here, _vector_at("status", group))
            words = [*to_words(f, x.groups[group])[::-1], *to_words(f, y.groups[group])[::-1]]
            pointers = places(f, unit, group)
            store_eight(f, [f.bytes_reversed(word) for word in words], pointers, POINT_AT)
            store_one(f, status, pointers, IS_VALID_AT)
    return f.text()


def _recover() -> str:
    """The text of `recover`."""
    f = Function(ENTRY, "ptr %places, i64 %count, ptr %comb, ptr %work", is_exported=True)
    inverse, chain, scalar_chain = (f.place("%work", SHARED[name]) for name in ("inverse", "chain", "scalar_chain"))
    signers = f.place("%work", SIGNERS_AT)
    last = f.row(signers, "%count", SIGNERS.size_bytes)
    f.call("read_signatures", "%places", signers, "i64 %count")
    f.call("scalar_inverse", inverse, f.place(last, SIGNERS["r_prefix"]), scalar_chain)
    f.call("find_scalars", signers, "i64 %count", inverse)
    rounded = f.scalar(f"add i64 %count, {UNITS - 1}")
    with f.loop(f.scalar(f"udiv i64 {rounded}, {UNITS}")) as loop:
        first = f.scalar(f"mul i64 {loop.index}, {UNITS}")
        left = f.scalar(f"sub i64 %count, {first}")
        taken = f.scalar(f"call i64 @llvm.umin.i64(i64 {left}, i64 {UNITS})")
        place = f.row(signers, first, SIGNERS.size_bytes, SIGNERS.size_bytes)
        f.call("recover_units", place, "%work", "%comb", f"i64 {taken}")
    f.call("multiply_zs", signers, "i64 %count")
    f.call("inverse", inverse, f.place(last, SIGNERS["z_prefix"]), chain)
    f.call("write_keys", "%places", signers, "i64 %count", inverse)
    return f.text("%count")
