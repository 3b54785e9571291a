"""
The record of one signature: what is asked, and what is answered. Whatever recovers signers works on rows of these.
"""

from typing import Final

import numpy as np

KEY_SIZE_BYTES: Final = 65  # Uncompressed: 4, x, y.

SIGNATURE: Final = np.dtype(
    [
        ("numbers", np.uint8, 64),  # r and s, the most significant byte first
        ("digest", np.uint8, 32),
        ("y_parity", np.int64),
        ("is_valid", np.int64),  # the answer, and what follows: VALID or INVALID, and UNDECIDED meanwhile
        ("padding", np.uint8, -KEY_SIZE_BYTES % 8),
        ("key", np.uint8, KEY_SIZE_BYTES),  # its first byte tells nothing
        ("key_hash", np.uint8, 32),  # its last 20 bytes are the signer's address; zeros if there is none
    ]
)
INVALID: Final = 0
VALID: Final = 1
UNDECIDED: Final = 2


def _offset(name: str) -> int:
    assert SIGNATURE.fields is not None
    return int(SIGNATURE.fields[name][1])


NUMBERS_AT, DIGEST_AT, Y_PARITY_AT, IS_VALID_AT, KEY_AT, KEY_HASH_AT = (
    _offset(name) for name in ("numbers", "digest", "y_parity", "is_valid", "key", "key_hash")
)
POINT_AT: Final = KEY_AT + 1
assert SIGNATURE.itemsize % 8 == POINT_AT % 8 == NUMBERS_AT % 8 == DIGEST_AT % 8 == 0, "read and written by words"
