"""
The pairing-friendly curve BN254 (alt_bn128, bn256) in compiled code.

`parameters` derives every constant from one number; `field` is Fp as a type of Numba; `tower` builds Fp2, Fp6 and Fp12
on it; `curve` is G1; `pairing` is G2, the Miller loop and the final exponentiation.
"""
