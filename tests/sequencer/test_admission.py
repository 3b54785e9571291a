from dataclasses import replace

import pytest

from primitives.block import BlockEnvironment
from primitives.constants import CHAIN_ID_DEFAULT, TRANSACTION_SIZE_BYTES_MAX
from primitives.errors import (
    CostOverflow,
    FeeCapTooLow,
    FloorGasTooLow,
    GasLimitExceeded,
    InitCodeTooLarge,
    InsufficientFunds,
    IntrinsicGasTooLow,
    InvalidSignature,
    InvalidTransaction,
    NonceMaxed,
    NonceTooLow,
    NotReplayProtected,
    SenderNotEoa,
    SetCodeTransactionInvalid,
    TipAboveFeeCap,
    TransactionGasCapExceeded,
    TransactionTooLarge,
    TypeNotSupported,
    WrongChainId,
)
from primitives.forks import Fork
from primitives.signature import SECP256K1_N
from primitives.transaction import ACCESS_LIST, BLOB, DYNAMIC_FEE, LEGACY, SET_CODE, Authorization, Transaction
from sequencer.admission import check_sender, check_transaction, check_transactions
from statestore.overlay import EmptyView, Overlay
from tests.sequencer.accounts import ADDRESSES, GWEI, transfer

ENVIRONMENT = BlockEnvironment(
    fork=Fork.OSAKA, chain_id=CHAIN_ID_DEFAULT, number=1, timestamp=0, gas_limit=30_000_000, base_fee_per_gas=1_000
)
AUTHORIZATION = Authorization(0, b"\x01" * 20, 0, 0, 1, 1)


@pytest.mark.parametrize("kind", [LEGACY, ACCESS_LIST, DYNAMIC_FEE, SET_CODE])
def test_every_type_without_blobs_is_taken_and_its_sender_recovered(kind):
    extra = {"authorization_list": (AUTHORIZATION,), "gas_limit": 46_000} if kind == SET_CODE else {}
    assert check_transaction(transfer(3, 0, type=kind, **extra), ENVIRONMENT) == ADDRESSES[3]


REFUSALS = [
    (TransactionTooLarge, "oversized data: transaction size", {"data": bytes(TRANSACTION_SIZE_BYTES_MAX)}),
    (
        TypeNotSupported,
        "transaction type not supported: transaction type not valid, got type 0x3: this chain has no blobs",
        {"type": BLOB, "blob_versioned_hashes": (b"\x01" + bytes(31),)},
    ),
    (
        NotReplayProtected,
        "only replay-protected (EIP-155) transactions allowed over RPC",
        {"type": LEGACY, "chain_id": None},
    ),
    (WrongChainId, "invalid chain id for signer: have 1 want 125671", {"chain_id": 1}),
    (WrongChainId, "invalid chain id for signer: have 1 want 125671", {"type": LEGACY, "chain_id": 1}),
    (NonceMaxed, "nonce has max value", {"nonce": 2**64 - 1}),
    (IntrinsicGasTooLow, "intrinsic gas too low: gas 20000, minimum needed 21000", {"gas_limit": 20_000}),
    (
        FloorGasTooLow,
        "insufficient gas for floor data gas cost: gas 23500, minimum needed 25000",
        {"data": b"\x01" * 100, "gas_limit": 23_500},
    ),
    (
        TransactionGasCapExceeded,
        "transaction gas limit too high (cap: 16777216, tx: 16777217)",
        {"gas_limit": 2**24 + 1},
    ),
    (
        FeeCapTooLow,
        f"max fee per gas less than block base fee: address 0x{ADDRESSES[0].hex()}, maxFeePerGas: 999, baseFee: 1000",
        {"max_fee_per_gas": 999},
    ),
    (
        TipAboveFeeCap,
        "max priority fee per gas higher than max fee per gas: "
        "maxPriorityFeePerGas: 1000000001, maxFeePerGas: 1000000000",
        {"max_priority_fee_per_gas": GWEI + 1},
    ),
    (
        InitCodeTooLarge,
        "max initcode size exceeded: code size 49153, limit 49152",
        {"to": None, "data": bytes(49_153), "gas_limit": 10_000_000},
    ),
    (CostOverflow, "", {"max_fee_per_gas": 2**256 - 1}),
    (SetCodeTransactionInvalid, "EIP-7702 transaction with empty auth list", {"type": SET_CODE}),
]


@pytest.mark.parametrize(("error", "text", "fields"), REFUSALS)
def test_a_refusal_has_its_kind_and_geths_words(error, text, fields):
    fields = {"nonce": 0, **fields}
    with pytest.raises(error) as raised:
        check_transaction(transfer(0, **fields), ENVIRONMENT)
    assert str(raised.value).startswith(text)


def test_more_gas_than_a_block_has_is_refused():
    environment = replace(ENVIRONMENT, gas_limit=1_000_000)
    with pytest.raises(GasLimitExceeded, match="exceeds block gas limit: limit 1000000, got 1000001"):
        check_transaction(transfer(0, 0, gas_limit=1_000_001), environment)
    assert check_transaction(transfer(0, 0, gas_limit=1_000_000), environment) == ADDRESSES[0]


def test_a_type_of_a_later_fork_is_refused():
    with pytest.raises(TypeNotSupported):
        check_transaction(
            transfer(0, 0, type=SET_CODE, authorization_list=(AUTHORIZATION,), gas_limit=46_000),
            replace(ENVIRONMENT, fork=Fork.CANCUN),
        )


def test_the_high_s_twin_of_a_signature_is_refused():
    good = transfer(0, 0)
    twin = replace(good, s=SECP256K1_N - good.s, y_parity=1 - good.y_parity)
    with pytest.raises(InvalidSignature, match="invalid transaction v, r, s values"):
        check_transaction(twin, ENVIRONMENT)


def refusal_of(transaction: Transaction) -> tuple[type, str] | None:
    try:
        check_transaction(transaction, ENVIRONMENT)
    except InvalidTransaction as error:
        return type(error), str(error)
    return None


def test_many_are_judged_as_one_by_one_and_those_taken_know_their_senders():
    good = [transfer(account, 0) for account in range(8)]
    bad = [transfer(0, **{"nonce": 0, **fields}) for _, _, fields in REFUSALS]
    forged = replace(good[0], s=SECP256K1_N - good[0].s, y_parity=1 - good[0].y_parity)
    arrived = [*good[:4], *bad[:6], forged, *good[4:], *bad[6:]]
    expected = [refusal_of(replace(transaction)) for transaction in arrived]
    refusals = check_transactions(arrived, ENVIRONMENT)
    assert [refusal and (type(refusal), str(refusal)) for refusal in refusals] == expected
    assert [transaction for transaction, refusal in zip(arrived, refusals, strict=True) if refusal is None] == good
    assert [vars(transaction)["sender"] for transaction in good] == ADDRESSES


def test_one_alone_or_none_at_all_is_judged_too():
    taken = transfer(2, 0)
    assert check_transactions([], ENVIRONMENT) == []
    assert check_transactions([taken], ENVIRONMENT) == [None]
    assert vars(taken)["sender"] == ADDRESSES[2]
    (refusal,) = check_transactions([transfer(2, 0, chain_id=1)], ENVIRONMENT)
    assert isinstance(refusal, WrongChainId)


def test_what_is_refused_for_its_fields_is_not_recovered():
    refused = [transfer(account, 0, chain_id=1) for account in range(3)]
    check_transactions([*refused, transfer(0, 0)], ENVIRONMENT)
    assert all("sender" not in vars(transaction) for transaction in refused)


def world(nonce: int = 0, balance: int = 0, code: bytes = b"") -> Overlay:
    state = Overlay(EmptyView())
    state.set_nonce(ADDRESSES[0], nonce)
    state.set_balance(ADDRESSES[0], balance)
    if code:
        state.set_code(ADDRESSES[0], code)
    return state


def check(state: Overlay, nonce: int = 0, queued_wei: int = 0, **fields: object) -> None:
    transaction = transfer(0, nonce, max_fee_per_gas=1_000, **fields)
    check_sender(transaction, state.account(ADDRESSES[0]), state, queued_wei)


COST = 21_000_000 + 1


def test_a_used_nonce_is_refused_and_a_gap_is_not():
    state = world(nonce=5, balance=COST)
    with pytest.raises(NonceTooLow, match=r"^nonce too low: next nonce 5, tx nonce 4$"):
        check(state, nonce=4)
    check(state, nonce=5)
    check(state, nonce=50)


def test_the_balance_must_cover_gas_and_value():
    check(world(balance=COST))
    with pytest.raises(InsufficientFunds) as raised:
        check(world(balance=COST - 1))
    assert str(raised.value) == (
        "insufficient funds for gas * price + value: balance 21000000, tx cost 21000001, overshot 1"
    )


def test_the_balance_must_cover_what_is_queued_too():
    check(world(balance=COST + 7), queued_wei=7)
    with pytest.raises(InsufficientFunds) as raised:
        check(world(balance=COST + 7), queued_wei=8)
    assert str(raised.value) == (
        "insufficient funds for gas * price + value: balance 21000008, queued cost 8, tx cost 21000001, overshot 1"
    )


def test_an_account_that_does_not_exist_has_no_funds():
    with pytest.raises(InsufficientFunds, match="balance 0, tx cost 21000001, overshot 21000001"):
        check(Overlay(EmptyView()))


def test_a_contract_sends_nothing_but_a_delegated_account_does():
    with pytest.raises(SenderNotEoa, match=f"sender not an eoa: address 0x{ADDRESSES[0].hex()}"):
        check(world(balance=COST, code=b"\x00"))
    check(world(balance=COST, code=b"\xef\x01\x00" + b"\x22" * 20))
