"""The table of the comb: odd multiples of the generator for each window of u1, as rows of eight words, x then y."""

import numpy as np
from numpy.typing import NDArray

from primitives.secp256k1_simd.curve import comb_points
from primitives.secp256k1_simd.work_area import COMB_SIZE_BYTES, COMB_WINDOW_BITS, COMB_WINDOWS


def comb_table() -> NDArray[np.uint8]:
    """uint8[COMB_SIZE_BYTES]: all points of the first window, then those of the next; words in the machine's order."""
    points = comb_points(COMB_WINDOW_BITS, COMB_WINDOWS)
    table = b"".join(coordinate.to_bytes(32, "little") for point in points for coordinate in point)
    assert len(table) == COMB_SIZE_BYTES, "a row for each point"
    return np.frombuffer(table, np.uint8)
