"""
What a transaction costs before its first opcode runs, by fork.

Source: Yellow Paper, section 6.2; EIP-2 (creation), EIP-2028 (calldata), EIP-2930 (access list), EIP-3860
(init code), EIP-7702 (authorizations), EIP-7623 (the floor).
"""

from collections.abc import Sequence
from typing import Final, Protocol

from primitives.forks import Fork
from primitives.transaction import AccessList, Authorization

GAS_TRANSACTION: Final = 21_000
GAS_CREATE: Final = 32_000
GAS_DATA_ZERO: Final = 4
GAS_DATA_NON_ZERO_FRONTIER: Final = 68
GAS_DATA_NON_ZERO: Final = 16
GAS_ACCESS_LIST_ADDRESS: Final = 2_400
GAS_ACCESS_LIST_STORAGE_KEY: Final = 1_900
GAS_INIT_CODE_WORD: Final = 2
GAS_AUTHORIZATION: Final = 25_000  # PER_EMPTY_ACCOUNT_COST; what is too much is refunded later.
TOKENS_PER_NON_ZERO_BYTE: Final = 4
GAS_FLOOR_PER_TOKEN: Final = 10


class Message(Protocol):
    """What of a transaction, or of a call that nobody signed, has a price before it runs."""

    @property
    def to(self) -> bytes | None:
        """The target, None for a creation."""
        ...

    @property
    def data(self) -> bytes:
        """Calldata or init code."""
        ...

    @property
    def access_list(self) -> AccessList:
        """Addresses and slots that are warm from the start."""
        ...

    @property
    def authorization_list(self) -> Sequence[Authorization]:
        """Delegations to set first."""
        ...


def intrinsic_gas(transaction: Message, fork: Fork) -> int:
    """The gas that is used before anything runs; a lower gas limit makes the transaction invalid."""
    data = transaction.data
    zero_count = data.count(0)
    non_zero_gas = GAS_DATA_NON_ZERO if fork >= Fork.ISTANBUL else GAS_DATA_NON_ZERO_FRONTIER
    gas = GAS_TRANSACTION + GAS_DATA_ZERO * zero_count + non_zero_gas * (len(data) - zero_count)
    if transaction.to is None:
        if fork >= Fork.HOMESTEAD:
            gas += GAS_CREATE
        if fork >= Fork.SHANGHAI:
            gas += GAS_INIT_CODE_WORD * ((len(data) + 31) // 32)
    for _, keys in transaction.access_list:
        gas += GAS_ACCESS_LIST_ADDRESS + GAS_ACCESS_LIST_STORAGE_KEY * len(keys)
    return gas + GAS_AUTHORIZATION * len(transaction.authorization_list)


def floor_gas(transaction: Message, fork: Fork) -> int:
    """
    The least gas that the transaction uses, whatever it does (EIP-7623); 0 before Prague.

    A gas limit below it makes the transaction invalid, and it is the minimum of the gas used after refunds.
    """
    if fork < Fork.PRAGUE:
        return 0
    data = transaction.data
    zero_count = data.count(0)
    token_count = zero_count + TOKENS_PER_NON_ZERO_BYTE * (len(data) - zero_count)
    return GAS_TRANSACTION + GAS_FLOOR_PER_TOKEN * token_count
