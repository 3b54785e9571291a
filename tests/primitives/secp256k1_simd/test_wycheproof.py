"""
Wycheproof's ECDSA vectors over secp256k1, as far as they speak of recovery (C2SP/wycheproof, folder `testvectors_v1`).

They hold keys, messages and signatures. With each parity the lanes must find what libsecp256k1 finds; and of a valid
signature one of the two keys is the one that signed, unless the x of R was n or more, which Ethereum does not take.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from primitives.secp256k1 import N, P
from primitives.secp256k1_simd.switch import LANES
from primitives.signature_record import VALID
from tests import public_data
from tests.primitives.secp256k1_simd.answers import ask_lanes, ask_libsecp256k1, differences, records_of
from tests.primitives.secp256k1_simd.crafted import Signature
from tests.primitives.secp256k1_simd.vectors import needs_ifma

FILES = [
    f"ecdsa_secp256k1_{name}_test.json"
    for name in ("sha256", "sha256_bitcoin", "sha256_p1363", "sha512", "sha512_p1363", "sha3_256", "sha3_512")
]
DIGESTS = {"SHA-256": "sha256", "SHA-512": "sha512", "SHA3-256": "sha3_256", "SHA3-512": "sha3_512"}


def integers_of_der(encoded: bytes) -> tuple[int, int] | None:
    """r and s of a sequence of two short integers; None for what is encoded otherwise."""
    try:
        place = 2 + (encoded[1] & 0x7F if encoded[1] & 0x80 else 0)
        numbers = []
        for _ in range(2):
            kind, size = encoded[place : place + 2]
            content = encoded[place + 2 : place + 2 + size]
            if (encoded[0], kind, len(content)) != (0x30, 2, size):
                return None
            numbers.append(int.from_bytes(content, "big", signed=True))
            place += 2 + size
    except (IndexError, ValueError):
        return None
    return numbers[0], numbers[1]


def cases(path: Path) -> list[tuple[Signature, bytes, bool]]:
    """Signatures with a parity of 0, the key that a file gives, whether it calls them valid."""
    found = []
    for group in json.loads(path.read_text())["testGroups"]:
        for test in group["tests"]:
            encoded, half = bytes.fromhex(test["sig"]), len(test["sig"]) // 4
            if "p1363" in path.name:
                numbers: Any = int.from_bytes(encoded[:half], "big"), int.from_bytes(encoded[half:], "big")
            else:
                numbers = integers_of_der(encoded)
            if numbers is None or min(numbers) < 0 or max(numbers) >= 2**256:
                continue
            digest = hashlib.new(DIGESTS[group["sha"]], bytes.fromhex(test["msg"])).digest()[:32]
            key = bytes.fromhex(group["publicKey"]["uncompressed"])
            found.append((Signature(int.from_bytes(digest, "big"), 0, *numbers), key, test["result"] == "valid"))
    return found


@needs_ifma
@pytest.mark.parametrize("name", FILES)
def test_vectors_are_answered_as_by_libsecp256k1(name: str):
    path = public_data.data(f"wycheproof/testvectors_v1/{name}")
    told = cases(path)
    asked = [case._replace(y_parity=parity) for parity in (0, 1) for case, _, _ in told]
    found, wanted = records_of(asked), records_of(asked)
    with LANES.workspace() as workspace:
        ask_lanes(workspace, found)
    ask_libsecp256k1(wanted)
    assert differences(found, wanted) == []
    assert any(is_valid for _, _, is_valid in told)
    for index, (case, key, is_valid) in enumerate(told):
        both = [wanted[index + len(told) * parity] for parity in (0, 1)]
        keys = [record["key"][1:].tobytes() for record in both if record["is_valid"] == VALID]
        assert not is_valid or key[1:] in keys or case.r < P - N
