"""Dev accounts are those that every wallet derives from the same words."""

import pytest
from eth_account.hdaccount import Mnemonic, key_from_seed, seed_from_mnemonic
from eth_account.types import Language

from primitives.constants import DEV_MNEMONIC
from primitives.errors import ConfigError
from rpc.wallet import ACCOUNTS_MAX, DERIVATION_PATH, DevWallet


def test_the_first_accounts_of_the_known_words_are_those_of_other_development_nodes():
    addresses = [f"0x{address.hex()}" for address in DevWallet.from_mnemonic(DEV_MNEMONIC, 2).addresses]
    assert addresses == ["0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"]


@pytest.mark.parametrize("language", [Language.ENGLISH, Language.ITALIAN])
def test_a_mnemonic_of_any_language_has_accounts(language: Language):
    mnemonic = Mnemonic(language).to_mnemonic(bytes(range(16)))
    seed = seed_from_mnemonic(mnemonic, passphrase="")
    keys = [key_from_seed(seed, DERIVATION_PATH.format(index=index)) for index in range(3)]
    assert list(DevWallet.from_mnemonic(mnemonic, 3).keys.values()) == keys


@pytest.mark.parametrize("mnemonic", ["", "leveret", "test " * 11 + "test", DEV_MNEMONIC + " junk"])
def test_what_is_no_mnemonic_is_refused_in_one_sentence(mnemonic: str):
    with pytest.raises(ConfigError, match=r"^the mnemonic is not a valid BIP-39 phrase: .*\.$"):
        DevWallet.from_mnemonic(mnemonic, 1)


@pytest.mark.parametrize("count", [-1, ACCOUNTS_MAX + 1])
def test_so_many_accounts_are_refused(count: int):
    with pytest.raises(ConfigError, match="must lie between 0 and"):
        DevWallet.from_mnemonic(DEV_MNEMONIC, count)
