import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives import rlp
from primitives.constants import KECCAK_EMPTY
from primitives.errors import DecodingError
from primitives.keccak import keccak256
from primitives.state_diff import EMPTY_ACCOUNT, Account, AccountChange, StateDiff
from tests.naive.commitments import encode_state_diff

ADDRESSES = st.binary(min_size=20, max_size=20)
U256 = st.integers(0, 2**256 - 1)
ACCOUNTS = st.builds(Account, st.integers(0, 2**64 - 1), U256, st.binary(min_size=32, max_size=32))
STORAGES = st.dictionaries(U256, U256, max_size=4).map(lambda slots: tuple(sorted(slots.items())))
CHANGES = st.dictionaries(ADDRESSES, st.tuples(st.none() | ACCOUNTS, STORAGES), max_size=4).map(
    lambda changes: tuple(AccountChange(address, *changes[address]) for address in sorted(changes))
)
CODES = st.sets(st.binary(max_size=60), max_size=3).map(lambda codes: tuple(sorted(codes, key=keccak256)))
DIFFS = st.builds(StateDiff, CHANGES, CODES)

ONE = AccountChange(b"\x01" * 20, Account(1, 2), ((1, 2), (3, 4)))
TWO = AccountChange(b"\x02" * 20, None, ())


@given(DIFFS)
def test_decoding_undoes_encoding(diff):
    assert diff.encode() == encode_state_diff(diff)
    assert diff.disorder() is None
    decoded = StateDiff.decode(diff.encode())
    assert decoded == diff
    assert decoded.hash == diff.hash


@given(DIFFS, st.integers(0, 2**16), st.integers(0, 255))
def test_a_damaged_encoding_is_refused_or_encodes_to_the_same_bytes(diff, where, byte):
    data = bytearray(diff.encode())
    data[where % len(data)] = byte
    try:
        decoded = StateDiff.decode(bytes(data))
    except DecodingError:
        return
    assert decoded.encode() == data


@pytest.mark.parametrize(
    ("diff", "disorder"),
    [
        (StateDiff((TWO, ONE)), "accounts"),
        (StateDiff((ONE, ONE)), "accounts"),
        (StateDiff((ONE._replace(storage=((3, 4), (1, 2))),)), "slots of 0x0101"),
        (StateDiff((ONE._replace(storage=((3, 4), (3, 4))),)), "slots of 0x0101"),
        (StateDiff(codes=(b"code", b"code")), "codes"),
    ],
)
def test_only_the_canonical_order_is_decoded(diff, disorder):
    assert disorder in str(diff.disorder())
    with pytest.raises(DecodingError, match=disorder):
        StateDiff.decode(diff.encode())


def test_a_deleted_account_differs_from_an_empty_one():
    empty, deleted = StateDiff((TWO._replace(account=EMPTY_ACCOUNT),)), StateDiff((TWO,))
    assert empty.hash != deleted.hash
    assert StateDiff.decode(empty.encode()).accounts[0].account == EMPTY_ACCOUNT
    assert StateDiff.decode(deleted.encode()).accounts[0].account is None


def test_an_account_is_empty_only_without_nonce_balance_and_code():
    assert EMPTY_ACCOUNT.is_empty
    assert Account(0, 0, KECCAK_EMPTY).is_empty
    assert not Account(1, 0).is_empty
    assert not Account(0, 1).is_empty
    assert not Account(0, 0, bytes(32)).is_empty


@pytest.mark.parametrize(
    "item",
    [
        b"",
        [],
        [[], []] * 2,
        [[[b"\x01" * 20, [b"\x01"], []]], []],
        [[[b"\x01" * 19, [], []]], []],
        [[[b"\x01" * 20, [], [[b"\x01"]]]], []],
        [[], [[]]],
    ],
)
def test_what_is_no_diff_is_refused(item):
    with pytest.raises(DecodingError):
        StateDiff.decode(rlp.encode(item))
