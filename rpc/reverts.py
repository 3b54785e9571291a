"""What a call that did not succeed is answered with: the reason in its return data, or the halt in geth's words."""

from typing import Final

from primitives.errors import ExecutionFailed, ExecutionReverted, LeveretError

REVERTED: Final = "execution reverted"

ERROR_SELECTOR: Final = bytes.fromhex("08c379a0")  # Error(string)
PANIC_SELECTOR: Final = bytes.fromhex("4e487b71")  # Panic(uint256)
REASON_BYTES_MAX: Final = 1_024  # In the message; the data holds all of it.

# Solidity's panic codes in geth's words (`accounts/abi`).
PANIC_REASONS: Final = {
    0x00: "generic panic",
    0x01: "assert(false)",
    0x11: "arithmetic underflow or overflow",
    0x12: "division or modulo by zero",
    0x21: "enum overflow",
    0x22: "invalid encoded storage byte array accessed",
    0x31: "out-of-bounds array access; popping on an empty array",
    0x32: "out-of-bounds access of an array or bytesN",
    0x41: "out of memory",
    0x51: "uninitialized function",
}


def error_of_halt(halt: str, output: bytes) -> LeveretError:
    """The error for a call that stopped early; `halt` and `output` as in `CallResult`."""
    if halt == REVERTED:
        return ExecutionReverted(output, revert_reason(output))
    return ExecutionFailed(halt)


def revert_reason(output: bytes) -> str | None:
    """What Error(string) or Panic(uint256) return data says; None for any other data."""
    selector, arguments = output[:4], output[4:]
    if selector == PANIC_SELECTOR and len(arguments) >= 32:
        code = int.from_bytes(arguments[:32])
        return PANIC_REASONS.get(code, f"unknown panic code: {code:#x}")
    if selector != ERROR_SELECTOR or len(arguments) < 64 or int.from_bytes(arguments[:32]) != 32:
        return None
    length = int.from_bytes(arguments[32:64])
    if length > len(arguments) - 64:
        return None
    return arguments[64 : 64 + min(length, REASON_BYTES_MAX)].decode("utf-8", "replace")
