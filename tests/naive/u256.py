"""The operations of the EVM on Python's integers, written as the Yellow Paper defines them."""

MODULUS = 1 << 256


def signed(word: int) -> int:
    return word - MODULUS if word >> 255 else word


def signed_divide(x: int, y: int) -> int:
    if y == 0:
        return 0
    quotient = abs(signed(x)) // abs(signed(y))
    return (quotient if (signed(x) < 0) == (signed(y) < 0) else -quotient) % MODULUS


def signed_remainder(x: int, y: int) -> int:
    if y == 0:
        return 0
    rest = abs(signed(x)) % abs(signed(y))
    return (-rest if signed(x) < 0 else rest) % MODULUS


def sign_extend(size: int, word: int) -> int:
    if size >= 31:
        return word
    bits = 8 * (size + 1)
    low = word % (1 << bits)
    return (low - (1 << bits)) % MODULUS if low >> (bits - 1) else low


# By the name of the operation; each takes three words, and looks at as many as it needs.
OPERATIONS = {
    "add": lambda x, y, z: (x + y) % MODULUS,
    "subtract": lambda x, y, z: (x - y) % MODULUS,
    "multiply": lambda x, y, z: x * y % MODULUS,
    "and": lambda x, y, z: x & y,
    "or": lambda x, y, z: x | y,
    "xor": lambda x, y, z: x ^ y,
    "not": lambda x, y, z: MODULUS - 1 - x,
    "negate": lambda x, y, z: -x % MODULUS,
    "less": lambda x, y, z: int(x < y),
    "less or equal": lambda x, y, z: int(x <= y),
    "greater": lambda x, y, z: int(x > y),
    "greater or equal": lambda x, y, z: int(x >= y),
    "equal": lambda x, y, z: int(x == y),
    "not equal": lambda x, y, z: int(x != y),
    "signed less": lambda x, y, z: int(signed(x) < signed(y)),
    "is zero": lambda x, y, z: int(x == 0),
    "shift left": lambda x, y, z: (y << x) % MODULUS if x < 256 else 0,
    "shift right": lambda x, y, z: y >> x if x < 256 else 0,
    "arithmetic shift right": lambda x, y, z: (signed(y) >> min(x, 256)) % MODULUS,
    "byte": lambda x, y, z: (y >> (248 - 8 * x)) & 255 if x < 32 else 0,
    "sign extend": lambda x, y, z: sign_extend(x, y),
    "leading zeros": lambda x, y, z: 256 - x.bit_length(),
    "bytes reversed": lambda x, y, z: int.from_bytes(x.to_bytes(32, "big"), "little"),
    "at most": lambda x, y, z: min(x, 1 << 62),
    "low int64": lambda x, y, z: (x + (1 << 63)) % (1 << 64) - (1 << 63) & (MODULUS - 1),
    "divide": lambda x, y, z: x // y if y else 0,
    "remainder": lambda x, y, z: x % y if y else 0,
    "signed divide": lambda x, y, z: signed_divide(x, y),
    "signed remainder": lambda x, y, z: signed_remainder(x, y),
    "add modulo": lambda x, y, z: (x + y) % z if z else 0,
    "multiply modulo": lambda x, y, z: x * y % z if z else 0,
    "power": lambda x, y, z: pow(x, y, MODULUS),
}
