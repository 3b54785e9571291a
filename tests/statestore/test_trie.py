import ctypes
import json
import random
from collections.abc import Mapping

import pytest
import rlp as reference_rlp
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from primitives.compiled_calls import INT, POINTER, compile_call
from primitives.constants import EMPTY_TRIE_ROOT, KECCAK_EMPTY
from primitives.keccak import keccak256
from primitives.memory import copy_bytes
from primitives.state_diff import EMPTY_ACCOUNT, Account, AccountChange, StateDiff
from primitives.u256 import load_big_endian
from statestore.trie import NodeTables, StateTrie, state_root, trie_calls
from statestore.trie_nodes import as_trie, leaf_of, root_link, value_of
from statestore.trie_writes import put, remove
from tests import public_data

STORAGE = Mapping[int, int]


def set_value(trie, key, nibble_count, value, size):
    trie = as_trie(trie)
    leaf = leaf_of(trie, put(trie, root_link(trie), load_big_endian(key), nibble_count))
    copy_bytes(value_of(leaf), value, size)
    leaf.value_size = size
    return 0


def delete_value(trie, key, nibble_count):
    trie = as_trie(trie)
    remove(trie, root_link(trie), load_big_endian(key), nibble_count)
    return 0


set_value_call = compile_call(set_value, INT, POINTER, INT, POINTER, INT)
delete_value_call = compile_call(delete_value, INT, POINTER, INT)


class Trie:
    """One trie, from keys of up to 32 bytes to values, over the kernels that write the state's."""

    def __init__(self):
        self._tables = NodeTables()

    @property
    def is_empty(self):
        return not self._tables.record["root"][0]

    def set(self, key, value):
        self._tables.reserve(1)
        set_value_call(self._tables.address, key.ljust(32, b"\0"), 2 * len(key), value, len(value))

    def delete(self, key):
        delete_value_call(self._tables.address, key.ljust(32, b"\0"), 2 * len(key))

    def root(self):
        root = ctypes.create_string_buffer(32)
        trie_calls().write_root(self._tables.address, root)
        return root.raw


def octets(text: str) -> bytes:
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()


@pytest.mark.parametrize(
    "name",
    ["trietest", "trieanyorder", "trietest_secureTrie", "trieanyorder_secureTrie", "hex_encoded_securetrie_test"],
)
def test_every_public_trie_has_its_root(name):
    cases = json.loads(public_data.data(f"ethereum-tests/TrieTests/{name}.json").read_text())
    assert cases
    for title, case in cases.items():
        pairs = case["in"] if isinstance(case["in"], list) else list(case["in"].items())
        orders = [pairs] if isinstance(case["in"], list) else [pairs, pairs[::-1]]
        for order in orders:
            trie = Trie()
            for key_text, value in order:
                key = keccak256(octets(key_text)) if "secure" in name else octets(key_text)
                if value is None:
                    trie.delete(key)
                else:
                    trie.set(key, octets(value))
            assert trie.root() == octets(case["root"]), title


# Few nibbles and lengths, so that keys share prefixes, and one is the beginning of another.
KEYS = st.text(alphabet="01f", max_size=6).map(lambda digits: bytes.fromhex(digits + "0" * (len(digits) % 2)))
WRITES = st.lists(st.tuples(KEYS, st.binary(max_size=40)), max_size=40)


@settings(max_examples=500)
@given(WRITES, st.integers(1, 5))
def test_any_writes_and_deletes_give_the_root_of_the_trie_library(writes, period):
    trie, reference = Trie(), HexaryTrie({})
    for count, (key, value) in enumerate(writes):
        if value:
            trie.set(key, value)
        else:
            trie.delete(key)
        reference.set(key, value)
        if count % period == 0:
            assert trie.root() == reference.root_hash
    assert trie.root() == reference.root_hash
    assert trie.is_empty == (reference.root_hash == EMPTY_TRIE_ROOT)


@given(st.dictionaries(KEYS, st.binary(min_size=1, max_size=40), max_size=20), st.randoms())
def test_the_root_depends_on_what_is_held_and_not_on_how_it_came(content, rng):
    trie = Trie()
    keys = [bytes((rng.randrange(256),)) for _ in range(20)]
    for key in keys:
        trie.set(key, b"gone later")
    trie.root()
    order = list(content)
    rng.shuffle(order)
    for key in order:
        trie.set(key, content[key])
    for key in keys:
        if key not in content:
            trie.delete(key)
    straight = Trie()
    for key in sorted(content):
        straight.set(key, content[key])
    assert trie.root() == straight.root()


def test_a_root_node_shorter_than_a_hash_is_hashed_all_the_same():
    trie = Trie()
    trie.set(b"\x01", b"a")
    reference = HexaryTrie({})
    reference.set(b"\x01", b"a")
    assert trie.root() == reference.root_hash


class NaiveState:
    """All accounts in dictionaries; the root from nothing, with the library's trie."""

    def __init__(self) -> None:
        self.accounts: dict[bytes, Account] = {}
        self.storage: dict[bytes, dict[int, int]] = {}

    def apply(self, diff: StateDiff) -> None:
        for address, account, slots in diff.accounts:
            if account is None:
                self.accounts.pop(address, None)
                self.storage.pop(address, None)
                continue
            self.accounts[address] = account
            storage = self.storage.setdefault(address, {})
            storage.update(slots)
            for key in [key for key, value in storage.items() if value == 0]:
                del storage[key]

    def root(self) -> bytes:
        trie = HexaryTrie({})
        for address, account in self.accounts.items():
            slots = HexaryTrie({})
            for key, value in self.storage.get(address, {}).items():
                slots.set(keccak256(key.to_bytes(32, "big")), reference_rlp.encode(value))
            fields = [account.nonce, account.balance, slots.root_hash, account.code_hash]
            trie.set(keccak256(address), reference_rlp.encode(fields))
        return trie.root_hash

    def random_change(self, address: bytes, rng: random.Random) -> AccountChange:
        """A new account, another balance, other slots, all slots gone, or everything gone."""
        held = self.storage.get(address, {})
        kind = rng.randrange(5)
        if kind == 0 and address in self.accounts:
            return AccountChange(address, None, tuple(sorted((key, 0) for key in held)))
        account = Account(rng.randrange(3), rng.randrange(2**80), rng.choice((KECCAK_EMPTY, keccak256(b"code"))))
        if kind == 1:
            return AccountChange(address, account, tuple(sorted((key, 0) for key in held)))
        slots = {rng.randrange(12): rng.choice((0, 1, 2**255)) for _ in range(rng.randrange(6))}
        return AccountChange(address, account, tuple(sorted(slots.items())))


@pytest.mark.parametrize("seed", range(5))
def test_diffs_one_after_another_give_the_root_of_the_whole_state(seed):
    rng = random.Random(seed)
    addresses = [rng.randbytes(20) for _ in range(25)]
    state, naive = StateTrie(), NaiveState()
    for step in range(120):
        chosen = sorted(rng.sample(addresses, rng.randrange(1, 6)))
        diff = StateDiff(tuple(naive.random_change(address, rng) for address in chosen))
        state.apply(diff)
        naive.apply(diff)
        if step % rng.randrange(1, 6) == 0:  # Sometimes several diffs fall into one block.
            assert state.root() == naive.root(), f"seed {seed}, step {step}"
    assert state.root() == naive.root()
    content = [(address, account, naive.storage.get(address, {})) for address, account in naive.accounts.items()]
    assert state_root(content) == state.root()


def test_thousands_of_accounts_and_slots_give_the_root_of_the_trie_library():
    """More nodes on a level than are encoded at a time; then most of them go."""
    rng = random.Random(7)
    addresses = sorted(rng.randbytes(20) for _ in range(3_000))
    state, naive = StateTrie(), NaiveState()
    for share in (1.0, 0.1, 0.02):
        changes = []
        for address in addresses:
            if rng.random() < share:
                slots = tuple((key, rng.getrandbits(8 * rng.randrange(33))) for key in range(rng.randrange(3)))
                changes.append(AccountChange(address, Account(rng.getrandbits(63), rng.getrandbits(90)), slots))
        slots = tuple((key, rng.randrange(3)) for key in range(2_000))
        changes[0] = AccountChange(changes[0].address, Account(1, 1), slots)
        diff = StateDiff(tuple(changes))
        state.apply(diff)
        naive.apply(diff)
        assert state.root() == naive.root()
    gone = StateDiff(tuple(AccountChange(address, None, ()) for address in addresses[:2_990]))
    state.apply(gone)
    naive.apply(gone)
    assert state.root() == naive.root()


ADDRESS = b"\x01" * 20
FULL = StateDiff((AccountChange(ADDRESS, Account(1, 1), ((1, 5), (2, 6))),))


def test_a_state_of_nothing_has_the_empty_root():
    assert StateTrie().root() == state_root([]) == EMPTY_TRIE_ROOT


def test_an_empty_account_is_in_the_trie_until_it_is_deleted():
    trie = StateTrie()
    trie.apply(StateDiff((AccountChange(ADDRESS, EMPTY_ACCOUNT, ()),)))
    assert trie.root() == state_root([(ADDRESS, EMPTY_ACCOUNT, {})]) != EMPTY_TRIE_ROOT
    trie.apply(StateDiff((AccountChange(ADDRESS, None, ()),)))
    assert trie.root() == EMPTY_TRIE_ROOT


def test_storage_that_was_emptied_leaves_an_account_without_storage():
    trie = StateTrie()
    trie.apply(FULL)
    trie.apply(StateDiff((AccountChange(ADDRESS, Account(1, 1), ((1, 0), (2, 0))),)))
    assert trie.root() == state_root([(ADDRESS, Account(1, 1), {})])


def test_an_account_deleted_and_made_again_has_only_its_new_slots():
    trie = StateTrie()
    trie.apply(FULL)
    trie.root()
    trie.apply(StateDiff((AccountChange(ADDRESS, None, ((1, 0), (2, 0))),)))
    trie.apply(StateDiff((AccountChange(ADDRESS, Account(2, 0), ((3, 7),)),)))
    assert trie.root() == state_root([(ADDRESS, Account(2, 0), {3: 7})])


def test_a_change_of_balance_alone_keeps_the_storage():
    trie = StateTrie()
    trie.apply(FULL)
    trie.apply(StateDiff((AccountChange(ADDRESS, Account(1, 9), ()),)))
    assert trie.root() == state_root([(ADDRESS, Account(1, 9), {1: 5, 2: 6})])


def test_applying_a_diff_twice_is_applying_it_once():
    trie = StateTrie()
    trie.apply(FULL)
    once = trie.root()
    trie.apply(FULL)
    assert trie.root() == once


def test_zero_values_count_for_nothing_in_a_state_from_scratch():
    assert state_root([(ADDRESS, Account(1, 1), {1: 5, 2: 0})]) == state_root([(ADDRESS, Account(1, 1), {1: 5})])


def row_count(trie):
    record = trie._tables.record[0]
    return int(record["leaf_count"]) + int(record["branch_count"])


def test_memory_follows_the_size_of_the_state_and_not_the_number_of_writes():
    trie = StateTrie()
    addresses = [keccak256(bytes((index,)))[:20] for index in range(50)]
    for round_number in range(1, 40):
        slots = tuple((key, round_number) for key in range(4))
        trie.apply(StateDiff(tuple(AccountChange(address, Account(round_number, 1), slots) for address in addresses)))
        trie.root()
        if round_number == 1:
            after_first = row_count(trie)
    assert row_count(trie) == after_first
    trie.apply(StateDiff(tuple(AccountChange(address, None, ()) for address in addresses)))
    assert trie.root() == EMPTY_TRIE_ROOT
    trie.apply(StateDiff(tuple(AccountChange(address, Account(1, 1), slots) for address in addresses)))
    assert row_count(trie) == after_first
