import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from primitives.constants import INIT_CODE_SIZE_BYTES_MAX, NONCE_MAX, TRANSACTION_GAS_CAP_OSAKA, U256_MAX
from primitives.errors import (
    BlobTransactionInvalid,
    CostOverflow,
    FloorGasTooLow,
    InitCodeTooLarge,
    IntrinsicGasTooLow,
    InvalidSignature,
    InvalidTransaction,
    MalformedTransaction,
    NonceMaxed,
    SetCodeTransactionInvalid,
    TipAboveFeeCap,
    TransactionGasCapExceeded,
    TypeNotSupported,
    WrongChainId,
)
from primitives.forks import Fork, fork_by_name
from primitives.intrinsic_gas import floor_gas, intrinsic_gas
from primitives.signature import SECP256K1_N
from primitives.transaction import (
    ACCESS_LIST,
    BLOB,
    DYNAMIC_FEE,
    LEGACY,
    SET_CODE,
    Authorization,
    Transaction,
    decode_transaction,
)
from primitives.validity import blob_count_max, check_static, cost_max
from tests import public_data

# Which of our errors may answer an exception of TransactionTests; all others are MalformedTransaction.
ANSWERS: dict[str, tuple[type[InvalidTransaction], ...]] = {
    "EC_RECOVERY_FAIL": (InvalidSignature, IntrinsicGasTooLow),  # One Frontier case has too little gas as well.
    "GASLIMIT_PRICE_PRODUCT_OVERFLOW": (CostOverflow,),
    "INITCODE_SIZE_EXCEEDED": (InitCodeTooLarge,),
    "INTRINSIC_GAS_TOO_LOW": (IntrinsicGasTooLow,),
    "INVALID_CHAINID": (WrongChainId, MalformedTransaction),
    "INVALID_SIGNATURE_VRS": (InvalidSignature, MalformedTransaction),
    "NONCE_TOO_BIG": (NonceMaxed,),
    "TYPE_NOT_SUPPORTED": (TypeNotSupported, MalformedTransaction),
}
TO = b"\x11" * 20
ENTRY = Authorization(chain_id=0, address=TO, nonce=0, y_parity=0, r=1, s=1)


def transaction_tests() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(Path(public_data.data("ethereum-tests/TransactionTests")).rglob("*.json")):
        for name, case in json.loads(path.read_text()).items():
            yield f"{path.parent.name}/{name}", case


def judged(raw: bytes, fork: Fork) -> Transaction:
    """The transaction, after every check that needs no state."""
    transaction = decode_transaction(raw)
    check_static(transaction, fork, chain_id=1)
    return transaction


def test_every_public_transaction_test_is_judged_as_announced_on_every_fork():
    count = 0
    for name, case in transaction_tests():
        raw = bytes.fromhex(case["txbytes"][2:])
        for fork_name, expected in case["result"].items():
            count += 1
            fork = fork_by_name(fork_name)
            where = f"{name} on {fork_name}"
            if "exception" in expected:
                kind = expected["exception"].removeprefix("TransactionException.")
                with pytest.raises(ANSWERS.get(kind, (MalformedTransaction,))):
                    judged(raw, fork).recover_sender(low_s=fork >= Fork.HOMESTEAD)
                    pytest.fail(f"{where} was taken")
                continue
            transaction = judged(raw, fork)
            assert transaction.hash.hex() == expected["hash"][2:], where
            assert transaction.recover_sender(low_s=fork >= Fork.HOMESTEAD).hex() == expected["sender"][2:], where
            assert intrinsic_gas(transaction, fork) == int(expected["intrinsicGas"], 16), where
    assert count > 1_000, "the folder holds about 2,100 cases"


def plain(kind: int = LEGACY, **changes: Any) -> Transaction:
    """A valid transaction of this type with some fields changed; its signature is in range, but nobody's."""
    fields: dict[str, Any] = {
        "type": kind,
        "chain_id": 1,
        "nonce": 0,
        "max_priority_fee_per_gas": 10,
        "max_fee_per_gas": 10,
        "gas_limit": 1_000_000,
        "to": TO,
        "value": 0,
        "data": b"",
        "y_parity": 0,
        "r": 1,
        "s": 1,
    }
    if kind == BLOB:
        fields |= {"max_fee_per_blob_gas": 1, "blob_versioned_hashes": (b"\x01" + bytes(31),)}
    if kind == SET_CODE:
        fields |= {"authorization_list": (ENTRY,)}
    return Transaction(**{**fields, **changes})


FIRST_FORKS = {
    LEGACY: Fork.SPURIOUS_DRAGON,  # It has a chain id here.
    ACCESS_LIST: Fork.BERLIN,
    DYNAMIC_FEE: Fork.LONDON,
    BLOB: Fork.CANCUN,
    SET_CODE: Fork.PRAGUE,
}


@pytest.mark.parametrize(("kind", "first"), FIRST_FORKS.items())
def test_a_type_is_taken_from_its_fork_on(kind, first):
    for fork in Fork:
        if fork >= first:
            check_static(plain(kind), fork, 1)
        else:
            with pytest.raises((TypeNotSupported, InvalidSignature)):
                check_static(plain(kind), fork, 1)


def test_another_chain_id_is_refused_and_none_leaves_it_unchecked():
    with pytest.raises(WrongChainId, match="have 1 want 2"):
        check_static(plain(), Fork.OSAKA, 2)
    check_static(plain(), Fork.OSAKA, None)
    check_static(plain(chain_id=None), Fork.OSAKA, 2)


def test_the_last_nonce_can_not_be_used():
    check_static(plain(nonce=NONCE_MAX), Fork.OSAKA, 1)
    with pytest.raises(NonceMaxed):
        check_static(plain(nonce=NONCE_MAX + 1), Fork.OSAKA, 1)


def test_low_s_is_demanded_from_homestead_on():
    high = plain(chain_id=None, s=SECP256K1_N - 1)
    check_static(high, Fork.FRONTIER, 1)
    with pytest.raises(InvalidSignature, match="upper half"):
        check_static(high, Fork.HOMESTEAD, 1)


def test_one_gas_below_the_intrinsic_gas_is_too_little():
    check_static(plain(gas_limit=21_000), Fork.OSAKA, 1)
    with pytest.raises(IntrinsicGasTooLow, match="gas 20999, minimum needed 21000"):
        check_static(plain(gas_limit=20_999), Fork.OSAKA, 1)


def test_one_gas_below_the_floor_is_too_little_from_prague_on():
    data = b"\x01" * 100
    floor = 21_000 + 40 * 100
    check_static(plain(data=data, gas_limit=floor), Fork.PRAGUE, 1)
    check_static(plain(data=data, gas_limit=floor - 1), Fork.CANCUN, 1)
    with pytest.raises(FloorGasTooLow, match=str(floor)):
        check_static(plain(data=data, gas_limit=floor - 1), Fork.PRAGUE, 1)


def test_a_gas_limit_above_the_cap_is_refused_from_osaka_on():
    check_static(plain(gas_limit=TRANSACTION_GAS_CAP_OSAKA), Fork.OSAKA, 1)
    check_static(plain(gas_limit=TRANSACTION_GAS_CAP_OSAKA + 1), Fork.PRAGUE, 1)
    with pytest.raises(TransactionGasCapExceeded):
        check_static(plain(gas_limit=TRANSACTION_GAS_CAP_OSAKA + 1), Fork.OSAKA, 1)


def test_init_code_is_limited_from_shanghai_on_and_calldata_is_not():
    data = bytes(INIT_CODE_SIZE_BYTES_MAX)
    check_static(plain(to=None, data=data), Fork.OSAKA, 1)
    check_static(plain(to=None, data=data + b"\x00"), Fork.PARIS, 1)
    check_static(plain(data=data + b"\x00"), Fork.OSAKA, 1)
    with pytest.raises(InitCodeTooLarge, match="code size 49153, limit 49152"):
        check_static(plain(to=None, data=data + b"\x00"), Fork.SHANGHAI, 1)


def test_a_tip_above_the_fee_cap_is_refused():
    with pytest.raises(TipAboveFeeCap):
        check_static(plain(DYNAMIC_FEE, max_priority_fee_per_gas=11), Fork.LONDON, 1)


def test_a_fee_beyond_256_bits_is_refused_and_the_largest_value_is_not():
    check_static(plain(value=U256_MAX), Fork.OSAKA, 1)
    price = U256_MAX // 21_000
    cheap = plain(gas_limit=21_000, max_fee_per_gas=price, max_priority_fee_per_gas=price)
    check_static(cheap, Fork.OSAKA, 1)
    with pytest.raises(CostOverflow):
        check_static(replace(cheap, max_fee_per_gas=price + 1), Fork.OSAKA, 1)


def test_blobs_need_a_target_a_count_in_bounds_and_the_version_byte():
    for changes in (
        {"to": None},
        {"blob_versioned_hashes": ()},
        {"blob_versioned_hashes": (b"\x02" + bytes(31),)},
        {"blob_versioned_hashes": (b"\x01" + bytes(31),) * 7},
    ):
        with pytest.raises(BlobTransactionInvalid):
            check_static(plain(BLOB, **changes), Fork.OSAKA, 1)
    check_static(plain(BLOB, blob_versioned_hashes=(b"\x01" + bytes(31),) * 9), Fork.PRAGUE, 1)
    assert [blob_count_max(fork) for fork in (Fork.CANCUN, Fork.PRAGUE, Fork.OSAKA)] == [6, 9, 6]


def test_set_code_needs_a_target_and_an_authorization():
    for changes in ({"to": None}, {"authorization_list": ()}):
        with pytest.raises(SetCodeTransactionInvalid):
            check_static(plain(SET_CODE, **changes), Fork.PRAGUE, 1)


def test_the_cost_counts_gas_blobs_and_value_at_the_highest_price():
    transaction = plain(BLOB, gas_limit=21_000, max_fee_per_gas=3, max_fee_per_blob_gas=5, value=7)
    assert cost_max(transaction) == 21_000 * 3 + 131_072 * 5 + 7


@pytest.mark.parametrize(
    ("changes", "fork", "gas"),
    [
        ({}, Fork.FRONTIER, 21_000),
        ({"data": b"\x00\x01"}, Fork.FRONTIER, 21_000 + 4 + 68),
        ({"data": b"\x00\x01"}, Fork.ISTANBUL, 21_000 + 4 + 16),
        ({"to": None}, Fork.FRONTIER, 21_000),
        ({"to": None}, Fork.HOMESTEAD, 53_000),
        ({"to": None, "data": bytes(33)}, Fork.PARIS, 53_000 + 33 * 4),
        ({"to": None, "data": bytes(33)}, Fork.SHANGHAI, 53_000 + 33 * 4 + 2 * 2),
        ({"access_list": ((TO, (bytes(32), bytes(32))), (TO, ()))}, Fork.BERLIN, 21_000 + 2 * 2_400 + 2 * 1_900),
        ({"authorization_list": (ENTRY, ENTRY)}, Fork.PRAGUE, 21_000 + 2 * 25_000),
    ],
)
def test_the_intrinsic_gas_is_that_of_the_fork(changes, fork, gas):
    assert intrinsic_gas(plain(**changes), fork) == gas


def test_the_floor_counts_tokens_of_calldata_and_nothing_else():
    creation = plain(to=None, data=b"\x00\x01", access_list=((TO, ()),))
    assert floor_gas(creation, Fork.CANCUN) == 0
    assert floor_gas(creation, Fork.PRAGUE) == 21_000 + 10 * (1 + 4)
