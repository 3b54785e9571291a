"""
What execution costs, Berlin to Osaka: the constants of the Yellow Paper's appendix G and of the EIPs since.

What is charged before the first opcode is in `primitives.intrinsic_gas`, what precompiled contracts charge is theirs.
"""

from typing import Final

GAS_ZERO: Final = 0
GAS_JUMP_DESTINATION: Final = 1
GAS_BASE: Final = 2
GAS_VERY_LOW: Final = 3
GAS_LOW: Final = 5
GAS_MID: Final = 8
GAS_HIGH: Final = 10

GAS_EXPONENTIATION: Final = 10
GAS_EXPONENTIATION_PER_BYTE: Final = 50  # EIP-160
GAS_KECCAK256: Final = 30
GAS_KECCAK256_PER_WORD: Final = 6
GAS_COPY_PER_WORD: Final = 3
GAS_BLOCK_HASH: Final = 20
GAS_BLOB_HASH: Final = 3  # EIP-4844
GAS_MEMORY_PER_WORD: Final = 3
MEMORY_QUADRATIC_BITS: Final = 9  # words^2 / 512

GAS_WARM_ACCESS: Final = 100  # EIP-2929, as the next two
GAS_COLD_ACCOUNT_ACCESS: Final = 2_600
GAS_COLD_SLOAD: Final = 2_100
GAS_STORAGE_SET: Final = 20_000  # EIP-2200
GAS_STORAGE_RESET: Final = 5_000 - GAS_COLD_SLOAD
GAS_STORAGE_SENTRY: Final = 2_300
REFUND_STORAGE_CLEAR_BERLIN: Final = 15_000
REFUND_STORAGE_CLEAR: Final = GAS_STORAGE_RESET + 1_900  # EIP-3529

GAS_LOG: Final = 375
GAS_LOG_PER_TOPIC: Final = 375
GAS_LOG_PER_BYTE: Final = 8

GAS_CALL_VALUE: Final = 9_000
GAS_CALL_STIPEND: Final = 2_300
GAS_NEW_ACCOUNT: Final = 25_000
ALL_BUT_ONE_SHIFT: Final = 6  # A frame gets all gas but 1/64 (EIP-150).

GAS_CREATE: Final = 32_000
GAS_INIT_CODE_PER_WORD: Final = 2  # EIP-3860
GAS_CODE_DEPOSIT_PER_BYTE: Final = 200

GAS_SELF_DESTRUCT: Final = 5_000
REFUND_SELF_DESTRUCT_BERLIN: Final = 24_000
REFUND_QUOTIENT_BERLIN: Final = 2
REFUND_QUOTIENT: Final = 5  # EIP-3529

STACK_ITEMS_MAX: Final = 1_024
CALL_DEPTH_MAX: Final = 1_024
CODE_SIZE_BYTES_MAX: Final = 24_576  # EIP-170
