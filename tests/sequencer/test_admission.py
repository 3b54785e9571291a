import random
from dataclasses import replace

import pytest

from primitives.block import BlockEnvironment
from primitives.constants import CHAIN_ID_DEFAULT
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
    TypeNotSupported,
    WrongChainId,
)
from primitives.forks import Fork
from primitives.signature import SECP256K1_N
from primitives.transaction import ACCESS_LIST, BLOB, DYNAMIC_FEE, LEGACY, SET_CODE, Authorization, Transaction
from sequencer.admission import JudgedBatch, queue_refusal
from sequencer.admission_kernels import FEE_BELOW_BASE, MAY_ENTER
from statestore.state import State
from tests.naive.admission import refusal_of
from tests.sequencer.accounts import ADDRESSES, GWEI, KEYS, transfer, unsigned

ENVIRONMENT = BlockEnvironment(
    fork=Fork.OSAKA, chain_id=CHAIN_ID_DEFAULT, number=1, timestamp=0, gas_limit=30_000_000, base_fee_per_gas=1_000
)
AUTHORIZATION = Authorization(0, b"\x01" * 20, 0, 0, 1, 1)
FUNDS = 10**18


def world(nonce: int = 0, balance: int = FUNDS, code: bytes = b"") -> State:
    """All accounts are rich, but what is said here is of the first one."""
    state = State()
    for address in ADDRESSES:
        state.set_balance(address, FUNDS)
    state.set_balance(ADDRESSES[0], balance)
    state.set_nonce(ADDRESSES[0], nonce)
    if code:
        state.set_code(ADDRESSES[0], code)
    state.seal_genesis()
    return state


RICH = world()


def judged(raws: list[bytes], environment: BlockEnvironment = ENVIRONMENT, state: State = RICH) -> JudgedBatch:
    batch = JudgedBatch(raws, environment, state, state.version)
    batch.follow(state.version)
    return batch


def refusals(
    raws: list[bytes], environment: BlockEnvironment = ENVIRONMENT, state: State = RICH
) -> list[InvalidTransaction | None]:
    batch = judged(raws, environment, state)
    return [None if verdict.code == MAY_ENTER else batch.refusal(index) for index, verdict in enumerate(batch.verdicts)]


def check(transaction: Transaction, environment: BlockEnvironment = ENVIRONMENT, state: State = RICH) -> bytes:
    """Its sender, or the refusal is raised."""
    [refusal] = refusals([transaction.raw], environment, state)
    if refusal is not None:
        raise refusal
    return judged([transaction.raw]).transactions[0].sender


@pytest.mark.parametrize("kind", [LEGACY, ACCESS_LIST, DYNAMIC_FEE, SET_CODE])
def test_every_type_without_blobs_is_taken_and_its_sender_recovered(kind):
    extra = {"authorization_list": (AUTHORIZATION,), "gas_limit": 46_000} if kind == SET_CODE else {}
    assert check(transfer(3, 0, type=kind, **extra)) == ADDRESSES[3]


REFUSALS = [
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
    (
        SetCodeTransactionInvalid,
        "EIP-7702 transaction cannot be used to create contract",
        {"type": SET_CODE, "to": None, "authorization_list": (AUTHORIZATION,)},
    ),
    (SetCodeTransactionInvalid, "EIP-7702 transaction with empty auth list", {"type": SET_CODE}),
]


@pytest.mark.parametrize(("error", "text", "fields"), REFUSALS)
def test_a_refusal_has_its_kind_and_geths_words(error, text, fields):
    fields = {"nonce": 0, **fields}
    with pytest.raises(error) as raised:
        check(transfer(0, **fields))
    assert str(raised.value).startswith(text)


def test_more_gas_than_a_block_has_is_refused():
    environment = replace(ENVIRONMENT, gas_limit=1_000_000)
    with pytest.raises(GasLimitExceeded, match="exceeds block gas limit: limit 1000000, got 1000001"):
        check(transfer(0, 0, gas_limit=1_000_001), environment)
    assert check(transfer(0, 0, gas_limit=1_000_000), environment) == ADDRESSES[0]


def test_a_type_of_a_later_fork_is_refused():
    with pytest.raises(TypeNotSupported):
        check(
            transfer(0, 0, type=SET_CODE, authorization_list=(AUTHORIZATION,), gas_limit=46_000),
            replace(ENVIRONMENT, fork=Fork.CANCUN),
        )


def test_the_high_s_twin_of_a_signature_is_refused():
    good = transfer(0, 0)
    twin = replace(good, s=SECP256K1_N - good.s, y_parity=1 - good.y_parity)
    with pytest.raises(InvalidSignature, match="invalid transaction v, r, s values"):
        check(twin)


def kind_and_words(refusal: InvalidTransaction | None) -> tuple[type, str] | None:
    return None if refusal is None else (type(refusal), str(refusal))


def spoiled(source: random.Random, transaction: Transaction) -> Transaction:
    """The same with another signature, most often nobody's."""
    twin = replace(transaction, s=SECP256K1_N - transaction.s, y_parity=1 - transaction.y_parity)
    numbers = (0, 1, SECP256K1_N // 2, SECP256K1_N // 2 + 1, SECP256K1_N - 1, SECP256K1_N, 2**256 - 1)
    changes: list[dict[str, int]] = [
        {"r": source.choice(numbers)},
        {"s": source.choice(numbers)},
        {"r": source.getrandbits(256)},
        {"y_parity": 1 - transaction.y_parity},
    ]
    if transaction.type != LEGACY:
        changes.append({"y_parity": source.choice((2, 3, 2**64))})
    return source.choice([twin, *[replace(transaction, **change) for change in changes]])


def limits(source: random.Random) -> dict[str, object]:
    """Fields on both sides of what may be."""
    data = bytes(source.choice((0, 0, 1, 255)) for _ in range(source.choice((0, 1, 40, 300))))
    gas = source.choice((20_999, 21_000, 21_001, 23_500, 46_000, 53_000, 2**24, 2**24 + 1, 30_000_001, 2**63))
    fields: dict[str, object] = {
        "type": source.choice((LEGACY, ACCESS_LIST, DYNAMIC_FEE, DYNAMIC_FEE, BLOB, SET_CODE)),
        "nonce": source.choice((0, 6, 7, 8, 2**64 - 2, 2**64 - 1)),
        "chain_id": source.choice((CHAIN_ID_DEFAULT,) * 6 + (0, 1, 2**255 // 2)),
        "gas_limit": gas,
        "max_fee_per_gas": source.choice((GWEI,) * 5 + (0, 999, 1_000, FUNDS // 53_000, 2**200, 2**256 - 1)),
        "max_priority_fee_per_gas": source.choice((0, 0, 0, 1, GWEI, GWEI + 1)),
        "value": source.choice((0, 1, FUNDS, FUNDS // 2, 2**256 - 1)),
        "to": source.choice((b"\xee" * 20, b"\xee" * 20, None)),
        "data": data,
    }
    if fields["type"] == LEGACY and source.random() < 0.3:
        fields["chain_id"] = None
    if fields["type"] in (LEGACY, ACCESS_LIST):
        fields["max_priority_fee_per_gas"] = fields["max_fee_per_gas"]
    if fields["type"] != LEGACY and source.random() < 0.5:
        fields["access_list"] = ((b"\x01" * 20, (bytes(32), b"\x02" * 32)), (b"\x03" * 20, ()))
    if fields["type"] == SET_CODE and source.random() < 0.7:
        fields["authorization_list"] = (AUTHORIZATION,) * source.choice((1, 2))
    return fields


def arrivals(source: random.Random, count: int) -> list[bytes]:
    """What clients may send: right, wrong in one thing, wrong in many, and no transaction at all."""
    raws = []
    for _ in range(count):
        account = source.randrange(3)
        chosen = limits(source)
        if source.random() < 0.6:  # Few of them, so that what stands behind in the order is met, too.
            kept = source.sample(sorted(chosen), source.randrange(4))
            chosen = {name: chosen[name] for name in kept if name not in ("type", "access_list", "authorization_list")}
            if chosen.get("chain_id", 0) is None:
                del chosen["chain_id"]
        transaction = unsigned(**{"nonce": 7, **chosen}).signed_by(KEYS[account])  # type: ignore[arg-type]
        if source.random() < 0.25:
            transaction = spoiled(source, transaction)
        raw = transaction.raw
        if source.random() < 0.1:
            place = source.randrange(len(raw))
            raw = source.choice((raw[:place], raw + b"\0", raw[:place] + source.randbytes(1) + raw[place + 1 :], b""))
        raws.append(raw)
    return raws


@pytest.mark.parametrize("fork", [Fork.FRONTIER, Fork.HOMESTEAD, Fork.BYZANTIUM, Fork.BERLIN, Fork.CANCUN, Fork.OSAKA])
def test_many_are_judged_as_one_by_one(fork: Fork):
    source = random.Random(f"arrivals {fork}")
    state = State()
    for address, nonce in zip(ADDRESSES[:3], (7, 0, 7), strict=True):
        state.set_balance(address, FUNDS)
        state.set_nonce(address, nonce)
    state.set_code(ADDRESSES[2], source.choice((b"\x00", b"\xef\x01\x00" + b"\x22" * 20)))
    state.seal_genesis()
    base_fee = 1_000 if fork >= Fork.LONDON else 0
    environment = replace(ENVIRONMENT, fork=fork, base_fee_per_gas=base_fee)
    raws = arrivals(source, 1_500)
    if fork < Fork.OSAKA:  # What compiled code counts gas with ends at 2^63.
        raws = [raw for raw in raws if b"\x88\x80" + bytes(7) not in raw]
    view = state.view_at(0)
    expected = [kind_and_words(refusal_of(raw, environment, view)) for raw in raws]
    assert [kind_and_words(each) for each in refusals(raws, environment, state)] == expected
    assert len({each and each[0] for each in expected}) > (3 if fork < Fork.SPURIOUS_DRAGON else 8), (
        "refusals of many kinds"
    )


def test_nobody_and_one_alone_are_judged_too():
    assert refusals([]) == []
    assert refusals([transfer(2, 0).raw]) == [None]
    assert isinstance(refusals([transfer(2, 0, chain_id=1).raw])[0], WrongChainId)


def test_what_is_refused_for_its_fields_is_not_recovered():
    batch = judged([transfer(account, 0, chain_id=1).raw for account in range(3)] + [transfer(0, 0).raw])
    assert batch.transactions.senders == bytes(60) + ADDRESSES[0]


def test_valid_ones_are_found_among_thousands_of_invalid_ones():
    source = random.Random("flood")
    good = {source.randrange(4_000): transfer(account, 0).raw for account in range(5)}
    model = transfer(0, 0)
    raws = [good.get(n) or replace(model, r=source.getrandbits(255), value=n).raw for n in range(4_000)]
    batch = judged(raws)
    # A random r has a key in half of all cases, that of somebody without funds.
    assert [index for index, verdict in enumerate(batch.verdicts) if verdict.code == MAY_ENTER] == sorted(good)
    assert 1_000 < sum(verdict.code > FEE_BELOW_BASE for verdict in batch.verdicts) < 3_000


def test_a_batch_follows_the_state():
    state = world(nonce=1, balance=COST)
    batch = JudgedBatch([transfer(0, 1, max_fee_per_gas=1_000).raw], ENVIRONMENT, state, 0)
    batch.follow(0)
    assert [verdict.code for verdict in batch.verdicts] == [MAY_ENTER]
    state.begin_transaction()
    state.set_nonce(ADDRESSES[0], 2)
    state.seal()
    batch.follow(0)
    assert [verdict.code for verdict in batch.verdicts] == [MAY_ENTER]
    batch.follow(1)
    assert str(batch.refusal(0)) == "nonce too low: next nonce 2, tx nonce 1"
    assert batch.verdicts[0].nonce == 2


def sends(state: State, nonce: int = 0) -> None:
    check(transfer(0, nonce, max_fee_per_gas=1_000), state=state)


COST = 21_000_000 + 1


def test_a_used_nonce_is_refused_and_a_gap_is_not():
    state = world(nonce=5, balance=COST)
    with pytest.raises(NonceTooLow, match=r"^nonce too low: next nonce 5, tx nonce 4$"):
        sends(state, nonce=4)
    sends(state, nonce=5)
    sends(state, nonce=50)


def test_the_balance_must_cover_gas_and_value():
    sends(world(balance=COST))
    with pytest.raises(InsufficientFunds) as raised:
        sends(world(balance=COST - 1))
    assert str(raised.value) == (
        "insufficient funds for gas * price + value: balance 21000000, tx cost 21000001, overshot 1"
    )


def test_the_balance_must_cover_what_is_queued_too():
    transaction = transfer(0, 0, max_fee_per_gas=1_000)
    assert queue_refusal(transaction, COST, queued_wei=0) is None
    assert queue_refusal(transaction, COST + 7, queued_wei=7) is None
    assert str(queue_refusal(transaction, COST + 7, queued_wei=8)) == (
        "insufficient funds for gas * price + value: balance 21000008, queued cost 8, tx cost 21000001, overshot 1"
    )


def test_an_account_that_does_not_exist_has_no_funds():
    state = State()
    state.seal_genesis()
    with pytest.raises(InsufficientFunds, match="balance 0, tx cost 21000001, overshot 21000001"):
        sends(state)


def test_a_contract_sends_nothing_but_a_delegated_account_does():
    with pytest.raises(SenderNotEoa, match=f"sender not an eoa: address 0x{ADDRESSES[0].hex()}"):
        sends(world(balance=COST, code=b"\x00"))
    sends(world(balance=COST, code=b"\xef\x01\x00" + b"\x22" * 20))
