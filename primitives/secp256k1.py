"""
The curve of Ethereum's signatures, secp256k1, as its standard gives it.

y^2 = x^3 + B mod P, and a generator, whose order is N.

Source: SEC 2, version 2.0, section 2.4.1.
"""

from typing import Final

P: Final = 2**256 - 2**32 - 977
N: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
B: Final = 7
GENERATOR: Final = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
