"""Random transactions of every type whose fields lie on the edges of their encodings, and damages to their bytes."""

import random

from primitives.transaction import (
    ACCESS_LIST,
    BLOB,
    DYNAMIC_FEE,
    LEGACY,
    SET_CODE,
    AccessList,
    Authorization,
    Transaction,
)

KINDS = (LEGACY, ACCESS_LIST, DYNAMIC_FEE, BLOB, SET_CODE)
DATA_SIZES = (0, 1, 2, 54, 55, 56, 57, 68, 255, 256, 257, 1_000)


def number(source: random.Random, bits_max: int = 256) -> int:
    """Around a power of two, where an encoding grows by a byte, or anything."""
    bits = source.choice([0, 1, 7, 8, 9, 16, 63, 64, 65, 128, 160, 248, 255, 256, source.randrange(257)])
    value = (1 << min(bits, bits_max)) + source.choice([-2, -1, 0, 1])
    return min(max(value, 0), (1 << bits_max) - 1) if source.random() < 0.5 else source.getrandbits(min(bits, bits_max))


def access_list(source: random.Random) -> AccessList:
    return tuple(
        (source.randbytes(20), tuple(source.randbytes(32) for _ in range(source.choice([0, 1, 2, 9]))))
        for _ in range(source.choice([0, 0, 1, 2, 5]))
    )


def authorization(source: random.Random) -> Authorization:
    return Authorization(
        chain_id=number(source),
        address=source.randbytes(20),
        nonce=number(source, 64),
        y_parity=source.choice([0, 1, 2, 27, 127, 128, 255]),
        r=number(source),
        s=number(source),
    )


def random_transaction(source: random.Random, kind: int) -> Transaction:
    """One of this type; its signature is nobody's."""
    fee = number(source)
    return Transaction(
        type=kind,
        chain_id=source.choice([None, number(source, 254)]) if kind == LEGACY else number(source),
        nonce=number(source, 64),
        max_priority_fee_per_gas=number(source) if kind >= DYNAMIC_FEE else fee,
        max_fee_per_gas=fee,
        gas_limit=number(source, 64),
        to=source.choice([None, bytes(20), source.randbytes(20), source.randbytes(20)]),
        value=number(source),
        data=source.randbytes(source.choice(DATA_SIZES)),
        y_parity=source.randrange(2) if kind == LEGACY else source.choice([0, 1, number(source)]),
        r=number(source),
        s=number(source),
        access_list=access_list(source) if kind else (),
        max_fee_per_blob_gas=number(source) if kind == BLOB else 0,
        blob_versioned_hashes=tuple(source.randbytes(32) for _ in range(source.randrange(4))) if kind == BLOB else (),
        authorization_list=tuple(authorization(source) for _ in range(source.randrange(4))) if kind == SET_CODE else (),
    )


PREFIXES = (0, 1, 4, 5, 0x7F, 0x80, 0x81, 0x94, 0xA0, 0xA1, 0xB7, 0xB8, 0xB9, 0xBF, 0xC0, 0xC1, 0xF7, 0xF8, 0xF9, 0xFF)


def damaged(source: random.Random, raw: bytes) -> bytes:
    """The bytes with one to three small damages: a bit, a byte, a cut, an insertion, a repetition, an end."""
    data = bytearray(raw)
    for _ in range(source.choice([1, 1, 1, 2, 3])):
        # Half of them in the first bytes, where the lengths of the outermost lists are.
        at = source.randrange(len(data) if source.random() < 0.5 else min(len(data), 12)) if data else 0
        match source.randrange(7):
            case 0 if data:
                data[at] ^= 1 << source.randrange(8)
            case 1 if data:
                data[at] = source.choice(PREFIXES)
            case 2:
                del data[at : at + source.randrange(1, 4)]
            case 3:
                data[at:at] = source.randbytes(source.randrange(1, 4))
            case 4:
                data[at:at] = data[at : at + source.randrange(1, 34)]
            case 5:
                del data[at:]
            case 6 if data:
                data[at] = (data[at] + source.choice([-1, 1])) % 256
    return bytes(data)
