"""
Keys from an English mnemonic (BIP-39, BIP-32), as every wallet derives them.

The list of words is eth-account's, read without importing that library, which takes half a second.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import coincurve

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # Of secp256k1's group.
HARDENED: Final = 1 << 31
PARENT_PATH: Final = (44 + HARDENED, 60 + HARDENED, 0 + HARDENED, 0)  # m/44'/60'/0'/0
WORD_COUNTS: Final = (12, 15, 18, 21, 24)
WORD_BITS: Final = 11
SEED_ROUNDS: Final = 2_048


def is_mnemonic(words: Sequence[str]) -> bool:
    """Whether these are words of the English list, as many as may be, and the checksum in the last one is right."""
    numbers = _numbers()
    if len(words) not in WORD_COUNTS or not all(word in numbers for word in words):
        return False
    bits = 0
    for word in words:
        bits = bits << WORD_BITS | numbers[word]
    checksum_bits = len(words) // 3
    entropy = (bits >> checksum_bits).to_bytes(len(words) * 4 // 3, "big")
    checksum = hashlib.sha256(entropy).digest()[0] >> (8 - checksum_bits)
    return bits & ((1 << checksum_bits) - 1) == checksum


def private_keys(mnemonic: str) -> Iterator[bytes]:
    """The keys at m/44'/60'/0'/0/0, /1, /2 and so on, of a valid mnemonic with one space between words."""
    seed = hashlib.pbkdf2_hmac("sha512", mnemonic.encode(), b"mnemonic", SEED_ROUNDS)
    node = _split(hmac.digest(b"Bitcoin seed", seed, "sha512"))
    for number in PARENT_PATH:
        node = _child(*node, number)
    for number in range(HARDENED):
        yield _child(*node, number)[0]


def _child(key: bytes, chain_code: bytes, number: int) -> tuple[bytes, bytes]:
    """The private key and chain code of a child (BIP-32, CKDpriv)."""
    is_hardened = number >= HARDENED
    parent = b"\x00" + key if is_hardened else coincurve.PrivateKey(key).public_key.format(compressed=True)
    left, right = _split(hmac.digest(chain_code, parent + number.to_bytes(4, "big"), "sha512"))
    offset = int.from_bytes(left, "big")
    child = (offset + int.from_bytes(key, "big")) % ORDER
    assert offset < ORDER and child, "one in 2^127 numbers has no key"
    return child.to_bytes(32, "big"), right


def _split(digest: bytes) -> tuple[bytes, bytes]:
    return digest[:32], digest[32:]


@cache
def _numbers() -> dict[str, int]:
    """The English words, by their number."""
    package = find_spec("eth_account")
    assert package is not None and package.origin is not None
    path = Path(package.origin).parent / "hdaccount" / "wordlist" / "english.txt"
    return {word: number for number, word in enumerate(path.read_text(encoding="ascii").split())}
