"""
The dev accounts: keys derived from a mnemonic that is known to everybody (BIP-39, BIP-44), and what they sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from primitives.errors import ConfigError
from primitives.keccak import keccak256
from primitives.signature import address_of, sign
from primitives.transaction import Transaction

DERIVATION_PATH: Final = "m/44'/60'/0'/0/{index}"
ACCOUNTS_MAX: Final = 1_000


@dataclass(frozen=True)
class DevWallet:
    """Private keys of 32 bytes by address of 20 bytes, in the order of their index."""

    keys: Mapping[bytes, bytes]

    @classmethod
    def from_mnemonic(cls, mnemonic: str, count: int) -> "DevWallet":
        """The first `count` accounts of a mnemonic; ConfigError when it is none."""
        if not 0 <= count <= ACCOUNTS_MAX:
            raise ConfigError(f"the number of dev accounts must lie between 0 and {ACCOUNTS_MAX}, got {count}.")
        keys = _keys(mnemonic, count)
        return cls({address_of(key): key for key in keys})

    @property
    def addresses(self) -> Sequence[bytes]:
        """The accounts, in the order of their index."""
        return tuple(self.keys)

    def sign_transaction(self, sender: bytes, transaction: Transaction) -> Transaction:
        """The transaction with the signature of `sender`, which must be one of the accounts."""
        return transaction.signed_by(self.keys[sender])

    def sign_message(self, address: bytes, message: bytes) -> bytes:
        """r, s, v (65 bytes, v 27 or 28) over an EIP-191 personal message."""
        digest = keccak256(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)
        y_parity, r, s = sign(self.keys[address], digest)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((27 + y_parity,))


def _keys(mnemonic: str, count: int) -> list[bytes]:
    """The keys at m/44'/60'/0'/0/0, /1, /2 and so on, of words of any language."""
    # Imported here: it takes a third of a second, and only a node with dev accounts needs it.
    from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

    try:
        seed = seed_from_mnemonic(mnemonic, passphrase="")
    except Exception as error:  # eth-account raises errors of its libraries here, of several kinds.
        raise ConfigError(f"the mnemonic is not a valid BIP-39 phrase: {error}.") from error
    return [key_from_seed(seed, DERIVATION_PATH.format(index=index)) for index in range(count)]
