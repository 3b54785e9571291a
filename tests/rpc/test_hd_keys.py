"""Keys from mnemonics, against eth-account."""

import random

import pytest
from eth_account.hdaccount import Mnemonic, key_from_seed, seed_from_mnemonic
from eth_account.types import Language

from primitives.constants import DEV_MNEMONIC
from primitives.errors import ConfigError
from rpc.hd_keys import is_mnemonic, private_keys
from rpc.wallet import DERIVATION_PATH, DevWallet


def mnemonics(language: Language, count: int) -> list[str]:
    rng = random.Random(7)
    return [Mnemonic(language).to_mnemonic(rng.randbytes(size)) for size in (16, 20, 24, 28, 32) for _ in range(count)]


@pytest.mark.parametrize("mnemonic", [DEV_MNEMONIC, *mnemonics(Language.ENGLISH, 3)])
def test_keys_are_those_of_eth_account(mnemonic):
    assert is_mnemonic(mnemonic.split())
    seed, keys = seed_from_mnemonic(mnemonic, passphrase=""), private_keys(mnemonic)
    assert [next(keys) for _ in range(4)] == [key_from_seed(seed, DERIVATION_PATH.format(index=n)) for n in range(4)]


def test_words_in_another_order_or_number_are_no_mnemonic():
    words = mnemonics(Language.ENGLISH, 1)[0].split()
    agreeing = 0
    for index in range(1, len(words)):
        swapped = words[index:] + words[:index]
        assert is_mnemonic(swapped) == Mnemonic(Language.ENGLISH).is_mnemonic_valid(" ".join(swapped))
        agreeing += 1
    assert agreeing == 11
    assert not is_mnemonic(words[:-1])
    assert not is_mnemonic([*words[:-1], "leveret"])
    assert not is_mnemonic([])


def test_a_mnemonic_of_another_language_gives_the_keys_of_eth_account():
    mnemonic = mnemonics(Language.ITALIAN, 1)[0]
    key = key_from_seed(seed_from_mnemonic(mnemonic, passphrase=""), DERIVATION_PATH.format(index=0))
    assert next(iter(DevWallet.from_mnemonic(mnemonic, 1).keys.values())) == key


def test_what_is_no_mnemonic_is_refused_in_one_sentence():
    with pytest.raises(ConfigError, match=r"^the mnemonic is not a valid BIP-39 phrase: .*\.$"):
        DevWallet.from_mnemonic("test " * 11 + "test", 1)
