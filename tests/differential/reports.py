"""Values as a report of a difference shows them."""

from dataclasses import MISSING, fields, is_dataclass
from typing import Final

from primitives.receipt import Log
from tests.differential.account_states import AccountState

BYTES_SHOWN: Final = 64


def show_pair(left: object, right: object) -> str:
    """Two values that differ; of long bytes, what is around the first byte that does."""
    if isinstance(left, bytes) and isinstance(right, bytes) and max(len(left), len(right)) > BYTES_SHOWN:
        pairs = enumerate(zip(left, right, strict=False))
        first = next((index for index, (one, other) in pairs if one != other), min(len(left), len(right)))
        start = max(0, first - BYTES_SHOWN // 4)
        shown = (show(value[start : start + BYTES_SHOWN]) for value in (left, right))
        return f"of {len(left)} and {len(right)} bytes, from byte {start}: {' and '.join(shown)}"
    return f"{show(left)} and {show(right)}"


def show(value: object) -> str:
    """A value; of an object, the fields that are not what they are by default."""
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, AccountState):
        storage = {hex(key): hex(item) for key, item in sorted(value.storage.items())}
        code = value.code_hash.hex()[:8]
        return f"(nonce {value.nonce}, balance {value.balance_wei}, code hash {code}..., storage {storage})"
    if isinstance(value, Log):
        return f"log of 0x{value.address.hex()}: {show(value.topics)} {show(value.data)}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(show, value))}]"
    if is_dataclass(value) and not isinstance(value, type):
        told = [
            f"{member.name} {show(getattr(value, member.name))}"
            for member in fields(value)
            if member.compare and (member.default is MISSING or getattr(value, member.name) != member.default)
        ]
        return ", ".join(told)
    return str(value)
