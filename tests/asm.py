"""Programs as expressions: `sstore(1, 2) + ret(0, 32)` is bytecode."""

STOP = b"\x00"
ADD = b"\x01"
SUB = b"\x03"
CALLER = b"\x33"
CALLVALUE = b"\x34"
CALLDATASIZE = b"\x36"
RETURNDATASIZE = b"\x3d"
BLOCKHASH = b"\x40"
COINBASE = b"\x41"
BASEFEE = b"\x48"
POP = b"\x50"
JUMP = b"\x56"
GAS = b"\x5a"
JUMPDEST = b"\x5b"
SWAP1 = b"\x90"
INVALID = b"\xfe"
SELFDESTRUCT = b"\xff"
CLZ = b"\x1e"


def push(value: int | bytes) -> bytes:
    """The shortest PUSH of a number, or the PUSH20 or PUSH32 of an address or word."""
    data = value.to_bytes((value.bit_length() + 7) // 8 or 1, "big") if isinstance(value, int) else value
    return bytes((0x5F + len(data),)) + data


def operands(*values: int | bytes) -> bytes:
    """The values so that the first ends on top of the stack; bytes longer than 32 or made of code go as they are."""
    return b"".join(value if isinstance(value, Code) else push(value) for value in reversed(values))


class Code(bytes):
    """Bytecode that leaves one item on the stack, in the place of an operand."""


def code(*parts: bytes) -> Code:
    """One operand that is computed."""
    return Code(b"".join(parts))


def sload(key: int) -> Code:
    return code(push(key), b"\x54")


def sstore(key: int, value: int | bytes) -> bytes:
    return operands(key, value) + b"\x55"


def tload(key: int) -> Code:
    return code(push(key), b"\x5c")


def tstore(key: int, value: int | bytes) -> bytes:
    return operands(key, value) + b"\x5d"


def mstore(offset: int, value: int | bytes) -> bytes:
    return operands(offset, value) + b"\x52"


def memory(data: bytes) -> bytes:
    """Writes `data` from offset 0."""
    words = (data[start : start + 32].ljust(32, b"\x00") for start in range(0, len(data), 32))
    return b"".join(mstore(32 * index, word) for index, word in enumerate(words))


def ret(offset: int, size: int) -> bytes:
    return operands(offset, size) + b"\xf3"


def return_word(value: int | bytes) -> bytes:
    return mstore(0, value) + ret(0, 32)


def revert(data: bytes = b"") -> bytes:
    return memory(data) + operands(0, len(data)) + b"\xfd"


def log(topics: tuple[int, ...] = (), size: int = 0) -> bytes:
    return operands(0, size, *topics) + bytes((0xA0 + len(topics),))


def call(to: bytes, value: int = 0, gas: bytes = GAS) -> Code:
    return code(operands(Code(gas), to, value, 0, 0, 0, 0), b"\xf1")


def callcode(to: bytes, value: int = 0) -> Code:
    return code(operands(Code(GAS), to, value, 0, 0, 0, 0), b"\xf2")


def delegatecall(to: bytes) -> Code:
    return code(operands(Code(GAS), to, 0, 0, 0, 0), b"\xf4")


def staticcall(to: bytes) -> Code:
    return code(operands(Code(GAS), to, 0, 0, 0, 0), b"\xfa")


def create(init_code: bytes, value: int = 0) -> Code:
    return code(memory(init_code), operands(value, 0, len(init_code)), b"\xf0")


def create2(init_code: bytes, salt: int = 0, value: int = 0) -> Code:
    return code(memory(init_code), operands(value, 0, len(init_code), salt), b"\xf5")


def selfdestruct(beneficiary: bytes) -> bytes:
    return push(beneficiary) + SELFDESTRUCT


def deploy(runtime: bytes) -> bytes:
    """Init code that leaves `runtime` as the contract's code."""
    return memory(runtime) + ret(0, len(runtime))
