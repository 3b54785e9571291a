"""
JSON values to Python values and back, as strictly as geth.

Quantities are hex without leading zeros, data is hex of even length, both with 0x. A reader takes one JSON value
and raises InvalidValue, in geth's words, for anything but the form that it wants.
"""

import binascii
import re
from typing import Any, Final

from primitives.constants import U64_MAX
from rpc.errors import InvalidValue

HEX_DIGITS: Final = re.compile(r"[0-9a-fA-F]+")
BLOCK_NUMBER_MAX: Final = 2**63 - 1

# Tags as they stand in a request; what each means is decided in rpc.blocks.
TAGS: Final = frozenset(("latest", "pending", "earliest", "safe", "finalized"))

# A block as a client names it: a tag, a number, or a hash of 32 bytes.
BlockReference = str | int | bytes


def quantity(value: int) -> str:
    """A quantity: 0x0, or hex without leading zeros."""
    return hex(value)


def data(value: bytes) -> str:
    """Bytes in hex."""
    return "0x" + value.hex()


def word(value: int) -> str:
    """A 256-bit word in hex, all 32 bytes."""
    return f"0x{value:064x}"


def json_kind(value: Any) -> str:
    """What geth calls the type of a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def read_quantity(value: Any, bits: int = 64) -> int:
    """A quantity of at most `bits` bits."""
    go_type = "hexutil.Uint64" if bits == 64 else "hexutil.Big"
    if not isinstance(value, str):
        raise InvalidValue("non-string", go_type)
    try:
        return parse_quantity(value, bits)
    except InvalidValue as error:
        raise InvalidValue(error.reason, go_type) from None


def parse_quantity(text: str, bits: int = 64) -> int:
    """The same of a string; the error names no type."""
    digits = _strip_prefix(text)
    if not digits:
        raise InvalidValue('hex string "0x"')
    if digits[0] == "0" and len(digits) > 1:
        raise InvalidValue("hex number with leading zero digits")
    if len(digits) > bits // 4:
        raise InvalidValue(f"hex number > {bits} bits")
    if not HEX_DIGITS.fullmatch(digits):
        raise InvalidValue("invalid hex string")
    return int(digits, 16)


def read_big(value: Any) -> int:
    """A quantity of at most 256 bits."""
    return read_quantity(value, 256)


def read_number(value: Any) -> int:
    """A quantity of at most 64 bits, or a JSON number: geth takes both in a few places."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= U64_MAX:
        return value
    return read_quantity(value)


def read_data(value: Any) -> bytes:
    """Bytes of any length."""
    return _read_hex(value, "hexutil.Bytes")


def read_address(value: Any) -> bytes:
    """20 bytes."""
    return _read_fixed(value, 20, "common.Address")


def read_hash(value: Any) -> bytes:
    """32 bytes."""
    return _read_fixed(value, 32, "common.Hash")


def read_boolean(value: Any) -> bool:
    """True or false; nothing else counts as one."""
    if not isinstance(value, bool):
        raise InvalidValue(json_kind(value), "bool")
    return value


def read_text(value: Any) -> str:
    """Any string."""
    if not isinstance(value, str):
        raise InvalidValue(json_kind(value), "string")
    return value


def read_list(value: Any, go_type: str) -> list[Any]:
    """A JSON array."""
    if not isinstance(value, list):
        raise InvalidValue(json_kind(value), go_type)
    return value


def read_object(value: Any, go_type: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise InvalidValue(json_kind(value), go_type)
    return value


def read_storage_key(value: Any) -> int:
    """A slot key: hex of at most 32 bytes, short forms allowed."""
    text = read_text(value)
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if digits and not HEX_DIGITS.fullmatch(digits):
        raise InvalidValue(f'invalid hex in storage key: "{text[:100]}"')
    if len(digits) > 64:
        raise InvalidValue(f'storage key too long (want at most 32 bytes): "{text[:100]}"')
    return int(digits or "0", 16)


def read_block_number(value: Any) -> str | int:
    """A tag or a block number."""
    if not isinstance(value, str):
        raise InvalidValue(json_kind(value), "rpc.BlockNumber")
    if value in TAGS:
        return value
    return _bounded(parse_quantity(value))


def read_height(value: Any) -> int:
    """A block number and no tag."""
    return _bounded(read_quantity(value))


def read_block(value: Any) -> BlockReference:
    """A tag, a number, a hash of 32 bytes, or an EIP-1898 object that holds a number or a hash."""
    if isinstance(value, dict):
        return _read_block_object(value)
    if isinstance(value, str) and len(value) == 66:
        return read_hash(value)
    return read_block_number(value)


def _read_block_object(value: dict[str, Any]) -> BlockReference:
    number, block_hash = value.get("blockNumber"), value.get("blockHash")
    if number is not None and block_hash is not None:
        raise InvalidValue("cannot specify both BlockHash and BlockNumber, choose one or the other")
    if value.get("requireCanonical") is not None:
        read_boolean(value["requireCanonical"])  # Every block that exists here is canonical.
    if block_hash is not None:
        return read_hash(block_hash)
    if number is not None:
        return read_block_number(number)
    raise InvalidValue("block reference holds neither blockNumber nor blockHash")


def _bounded(number: int) -> int:
    if number > BLOCK_NUMBER_MAX:
        raise InvalidValue("block number larger than int64")
    return number


def _strip_prefix(text: str) -> str:
    if not text:
        raise InvalidValue("empty hex string")
    if text[:2] not in ("0x", "0X"):
        raise InvalidValue("hex string without 0x prefix")
    return text[2:]


def _read_hex(value: Any, go_type: str) -> bytes:
    if not isinstance(value, str):
        raise InvalidValue("non-string", go_type)
    try:
        digits = _strip_prefix(value)
        if len(digits) % 2:
            raise InvalidValue("hex string of odd length")
        return binascii.unhexlify(digits)
    except InvalidValue as error:
        raise InvalidValue(error.reason, go_type) from None
    except ValueError:
        raise InvalidValue("invalid hex string", go_type) from None


def _read_fixed(value: Any, size_bytes: int, go_type: str) -> bytes:
    read = _read_hex(value, go_type)
    if len(read) != size_bytes:
        reason = f"hex string has length {2 * len(read)}, want {2 * size_bytes} for {go_type}"
        raise InvalidValue(reason)
    return read
