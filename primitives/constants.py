"""
Numbers that every layer names: chain defaults, intervals, limits, each with its unit.

Related bounds are asserted together at the end, so that a change of one that breaks another
stops the process at import.
"""

from typing import Final

# The chain a newcomer starts. The id is unused in the public chain lists.
CHAIN_ID_DEFAULT: Final = 125_671
CLIENT_VERSION: Final = "leveret/v0.1.0/anvil-compatible"
DEV_MNEMONIC: Final = "test test test test test test test test test test test junk"

WEI_PER_GWEI: Final = 10**9
WEI_PER_ETHER: Final = 10**18

# Time.
MINI_BLOCK_INTERVAL_MS: Final = 10
BLOCK_INTERVAL_MS: Final = 1_000

# A block.
BLOCK_GAS_LIMIT_DEFAULT: Final = 1_000_000_000
BASE_FEE_WEI_DEFAULT: Final = 1_000_000
HISTORY_BLOCKS_DEFAULT: Final = 128

# A transaction.
TRANSACTION_SIZE_BYTES_MAX: Final = 131_072
INIT_CODE_SIZE_BYTES_MAX: Final = 49_152  # EIP-3860
TRANSACTION_GAS_CAP_OSAKA: Final = 1 << 24  # EIP-7825
NONCE_MAX: Final = 2**64 - 2  # EIP-2681: the last nonce that can still be used.

U64_MAX: Final = 2**64 - 1
U256_MAX: Final = 2**256 - 1

# The mempool.
MEMPOOL_TRANSACTIONS_MAX: Final = 20_000
MEMPOOL_BYTES_MAX: Final = 64 * 1024 * 1024
MEMPOOL_PER_SENDER_MAX: Final = 500
MEMPOOL_LIFETIME_S: Final = 3 * 3_600
REPLACEMENT_BUMP_PERCENT: Final = 10

# JSON-RPC.
RPC_BODY_BYTES_MAX: Final = 5 * 1024 * 1024
RPC_BATCH_ITEMS_MAX: Final = 100
RPC_REPLY_BYTES_MAX: Final = 25 * 1024 * 1024
CALL_GAS_CAP: Final = 50_000_000
LOGS_RESULTS_MAX: Final = 20_000
LOGS_BLOCKS_MAX: Final = 10_000

KECCAK_EMPTY: Final = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
EMPTY_TRIE_ROOT: Final = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
EMPTY_LIST_HASH: Final = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
ZERO_HASH: Final = bytes(32)
ZERO_ADDRESS: Final = bytes(20)

assert BLOCK_INTERVAL_MS % MINI_BLOCK_INTERVAL_MS == 0, "a mini-block belongs to one block"
assert 2 * TRANSACTION_SIZE_BYTES_MAX + 1_024 <= RPC_BODY_BYTES_MAX, "the largest transaction fits a request as hex"
assert MEMPOOL_PER_SENDER_MAX <= MEMPOOL_TRANSACTIONS_MAX
assert CALL_GAS_CAP <= BLOCK_GAS_LIMIT_DEFAULT
