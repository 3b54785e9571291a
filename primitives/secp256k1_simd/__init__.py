"""Public keys recovered from secp256k1 signatures, eight to a vector, by LLVM code that is made here (AVX-512 IFMA)."""
