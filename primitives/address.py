"""How an address is written for people."""

from primitives.keccak import keccak256


def checksum_address(address: bytes) -> str:
    """
    The 20 bytes in hex, a letter in upper case where the digit of the hash below it is 8 or more.

    Source: EIP-55.
    """
    assert len(address) == 20
    digits = address.hex()
    hash_digits = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(hash_digit, 16) >= 8 else digit
        for digit, hash_digit in zip(digits, hash_digits, strict=False)
    )
