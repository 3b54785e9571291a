import random

import pytest

from primitives.errors import (
    AlreadyKnown,
    InvalidTransaction,
    MempoolFull,
    NonceTooLow,
    ReplacementUnderpriced,
    SenderQueueFull,
    TransactionExpired,
    TransactionReplaced,
)
from primitives.transaction import Transaction
from sequencer.mempool import Mempool
from tests.naive.mempool import NaiveMempool
from tests.sequencer.accounts import ADDRESSES, believed

GAS = 30_000_000


def add(mempool: Mempool, transaction: Transaction, account_nonce: int = 0, price: int | None = None, now_ns: int = 0):
    offered = transaction.max_fee_per_gas if price is None else price
    return mempool.insert(transaction, account_nonce, offered, now_ns)


def take(mempool: Mempool, count: int = 1_000) -> list[tuple[int, int]]:
    """What is executed next, as (account, nonce)."""
    return [(ADDRESSES.index(transaction.sender), transaction.nonce) for transaction in mempool.take(count, 0, GAS)]


def test_executables_leave_in_the_order_of_arrival():
    mempool = Mempool()
    for account, nonce in ((2, 0), (0, 0), (2, 1), (1, 0), (0, 1)):
        add(mempool, believed(account, nonce))
    assert take(mempool, 2) == [(2, 0), (0, 0)]
    assert take(mempool) == [(2, 1), (1, 0), (0, 1)]
    assert take(mempool) == []


def test_a_batch_ends_where_gas_limits_add_up_to_too_much_but_is_never_empty():
    mempool = Mempool()
    batch = [believed(account, 0, gas_limit=gas) for account, gas in enumerate((90_000, 40_000, 60_000, 21_000))]
    for transaction in batch:
        add(mempool, transaction)
    assert mempool.take(10, 0, GAS, 80_000) == batch[:1]
    assert mempool.take(10, 0, GAS, 100_000) == batch[1:3]
    assert mempool.take(10, 0, GAS, 100_000) == batch[3:]


def test_a_nonce_gap_waits_until_it_is_filled():
    mempool = Mempool()
    add(mempool, believed(0, 2))
    add(mempool, believed(0, 1))
    assert not mempool.has_ready
    assert mempool.open_nonce(ADDRESSES[0]) == 0
    add(mempool, believed(1, 0))
    add(mempool, believed(0, 0))
    assert mempool.open_nonce(ADDRESSES[0]) == 3
    assert take(mempool) == [(1, 0), (0, 0), (0, 1), (0, 2)]


def test_what_was_taken_is_known_until_it_is_released():
    mempool = Mempool()
    transaction = believed(0, 0)
    add(mempool, transaction)
    assert take(mempool) == [(0, 0)]
    assert len(mempool) == 0
    assert mempool.find(transaction.hash) is transaction
    with pytest.raises(AlreadyKnown):
        add(mempool, transaction)
    with pytest.raises(NonceTooLow, match="next nonce 1, tx nonce 0"):
        add(mempool, believed(0, 0, value=5))
    mempool.release([transaction])
    assert mempool.find(transaction.hash) is None
    assert mempool.transactions() == []
    assert mempool.next_nonce(ADDRESSES[0]) is None


def test_a_replacement_pays_ten_percent_more_and_keeps_the_place():
    mempool = Mempool()
    old = believed(0, 0, max_fee_per_gas=1_000, max_priority_fee_per_gas=100)
    add(mempool, old)
    add(mempool, believed(1, 0))
    for max_fee, tip in ((1_099, 110), (1_100, 109), (1_000, 100), (900, 500)):
        with pytest.raises(ReplacementUnderpriced, match=r"^replacement transaction underpriced$"):
            add(mempool, believed(0, 0, value=2, max_fee_per_gas=max_fee, max_priority_fee_per_gas=tip))
    new = believed(0, 0, max_fee_per_gas=1_100, max_priority_fee_per_gas=110)
    ((replaced, error),) = add(mempool, new)
    assert replaced is old
    assert isinstance(error, TransactionReplaced)
    assert mempool.find(old.hash) is None
    assert mempool.take(1, 0, GAS) == [new]


def test_a_tip_of_zero_may_stay_zero_in_a_replacement():
    mempool = Mempool()
    add(mempool, believed(0, 0, max_fee_per_gas=10))
    assert len(add(mempool, believed(0, 0, max_fee_per_gas=11))) == 1
    with pytest.raises(ReplacementUnderpriced):
        add(mempool, believed(0, 0, max_fee_per_gas=11, value=7))


def test_costs_of_a_sender_add_up_without_the_one_to_be_replaced():
    mempool = Mempool()
    add(mempool, believed(0, 0, max_fee_per_gas=2, value=5))
    add(mempool, believed(0, 3, max_fee_per_gas=3, value=6))
    assert mempool.cost_wei(ADDRESSES[0], 1) == 21_000 * 5 + 11
    assert mempool.cost_wei(ADDRESSES[0], 3) == 21_000 * 2 + 5
    assert mempool.cost_wei(ADDRESSES[1], 0) == 0


def test_a_sender_has_a_limit_but_its_next_nonce_always_enters():
    mempool = Mempool(per_sender_max=3)
    for nonce in (1, 2, 3):
        add(mempool, believed(0, nonce))
    with pytest.raises(SenderQueueFull, match="account limit exceeded: pooled 3 txs"):
        add(mempool, believed(0, 4))
    add(mempool, believed(0, 0))
    assert take(mempool) == [(0, 0), (0, 1), (0, 2), (0, 3)]


def test_a_full_pool_refuses_who_pays_no_more():
    mempool = Mempool(count_max=2)
    add(mempool, believed(0, 0), price=10)
    add(mempool, believed(1, 0), price=20)
    with pytest.raises(MempoolFull, match=r"^txpool is full$"):
        add(mempool, believed(2, 0), price=10)
    ((victim, error),) = add(mempool, believed(2, 0), price=11)
    assert victim.sender == ADDRESSES[0]
    assert isinstance(error, MempoolFull)
    assert take(mempool) == [(1, 0), (2, 0)]


def test_a_gapped_transaction_makes_room_for_any_executable_one():
    mempool = Mempool(count_max=3)
    add(mempool, believed(0, 5), price=900)
    add(mempool, believed(1, 5), price=800)
    add(mempool, believed(2, 0), price=1)
    ((victim, _),) = add(mempool, believed(3, 0), price=1)
    assert victim.sender == ADDRESSES[1]


def test_an_executable_transaction_never_goes_for_a_gapped_one():
    mempool = Mempool(count_max=1)
    add(mempool, believed(0, 0), price=1)
    with pytest.raises(MempoolFull):
        add(mempool, believed(1, 3), price=1_000)


def test_of_equally_cheap_gapped_ones_the_oldest_goes_and_of_executable_ones_the_youngest():
    gapped = Mempool(count_max=2)
    add(gapped, believed(0, 5), price=1)
    add(gapped, believed(1, 5), price=1)
    assert add(gapped, believed(2, 5), price=2)[0][0].sender == ADDRESSES[0]
    executable = Mempool(count_max=2)
    add(executable, believed(0, 0), price=1)
    add(executable, believed(1, 0), price=1)
    assert add(executable, believed(2, 0), price=2)[0][0].sender == ADDRESSES[1]


def test_nobody_pushes_out_what_it_stands_behind():
    mempool = Mempool(count_max=1)
    add(mempool, believed(0, 0), price=1)
    with pytest.raises(MempoolFull):
        add(mempool, believed(0, 1), price=1_000)


def test_eviction_leaves_followers_gapped():
    mempool = Mempool(count_max=3)
    add(mempool, believed(0, 0), price=1)
    add(mempool, believed(0, 1), price=5)
    add(mempool, believed(0, 2), price=5)
    ((victim, _),) = add(mempool, believed(1, 0), price=2)
    assert victim.nonce == 0
    assert mempool.open_nonce(ADDRESSES[0]) == 0
    assert take(mempool) == [(1, 0)]


def test_bytes_are_bounded_and_a_refusal_evicts_nobody():
    small, large = believed(0, 0), believed(2, 0, data=b"\x01" * 200, gas_limit=50_000)
    mempool = Mempool(size_bytes_max=2 * len(small.raw) + 10)
    add(mempool, small, price=1)
    add(mempool, believed(1, 0), price=9)
    with pytest.raises(MempoolFull):
        add(mempool, large, price=5)
    assert len(mempool) == 2
    with pytest.raises(MempoolFull):
        add(mempool, large, price=50)  # It would not fit the empty pool.
    assert len(mempool) == 2


def test_what_does_not_fit_the_block_waits_for_the_next_with_its_followers():
    mempool = Mempool()
    big, after, other = believed(0, 0, gas_limit=900_000), believed(0, 1), believed(1, 0)
    for transaction in (big, after, other):
        add(mempool, transaction)
    assert mempool.take(10, 0, 800_000) == [other]
    assert not mempool.has_ready
    add(mempool, believed(0, 2))
    assert mempool.take(10, 0, 800_000) == []
    add(mempool, believed(2, 0))
    mempool.open_block()
    assert take(mempool) == [(0, 0), (0, 1), (0, 2), (2, 0)]


def test_what_the_engine_gives_back_is_not_overtaken_by_what_was_passed_over():
    mempool = Mempool()
    first, second, third = believed(0, 0), believed(1, 0), believed(1, 1, gas_limit=100_000)
    for transaction in (first, second, third):
        add(mempool, transaction)
    assert mempool.take(10, 0, 40_000) == [first, second]
    mempool.defer(second)
    mempool.realign(ADDRESSES[1], 0)
    add(mempool, believed(2, 0))
    mempool.open_block()
    assert take(mempool) == [(1, 0), (1, 1), (2, 0)]


def test_what_pays_less_than_the_base_fee_waits_for_a_cheaper_block():
    mempool = Mempool()
    add(mempool, believed(0, 0, max_fee_per_gas=7))
    assert mempool.take(10, 8, GAS) == []
    assert not mempool.has_ready
    mempool.open_block()
    assert len(mempool.take(10, 7, GAS)) == 1


def test_a_dropped_transaction_leaves_its_followers_gapped():
    mempool = Mempool()
    for nonce in range(4):
        add(mempool, believed(0, nonce))
    batch = mempool.take(3, 0, GAS)
    mempool.drop(batch[1])
    mempool.put_back(batch[2])
    assert mempool.realign(ADDRESSES[0], 1) == []
    assert mempool.open_nonce(ADDRESSES[0]) == 1
    assert not mempool.has_ready
    add(mempool, believed(0, 1, value=9), account_nonce=0)
    assert take(mempool) == [(0, 1), (0, 2), (0, 3)]


def test_a_nonce_raised_from_elsewhere_is_followed():
    mempool = Mempool()
    for nonce in (0, 1, 3):
        add(mempool, believed(0, nonce))
    ((old, error),) = mempool.realign(ADDRESSES[0], 1)
    assert old.nonce == 0
    assert str(error) == "nonce too low: next nonce 1, tx nonce 0"
    assert take(mempool) == [(0, 1)]
    mempool.release([believed(0, 1)])
    assert mempool.realign(ADDRESSES[0], 3) == []
    assert take(mempool) == [(0, 3)]


def test_what_becomes_executable_again_stands_before_its_followers():
    mempool = Mempool()
    for nonce in range(4):
        add(mempool, believed(0, nonce))
    first, second = mempool.take(2, 0, GAS)
    mempool.drop(first)
    mempool.put_back(second)
    assert mempool.realign(ADDRESSES[0], 1) == []  # An authorization took the place of the first.
    assert take(mempool) == [(0, 1), (0, 2), (0, 3)]


def test_what_waits_too_long_expires():
    mempool = Mempool(lifetime_s=3)
    add(mempool, believed(0, 5), now_ns=0)
    add(mempool, believed(1, 0), now_ns=1)
    taken = believed(2, 0)
    add(mempool, taken, now_ns=1)
    mempool.take(1, 0, GAS)
    add(mempool, believed(3, 0), now_ns=2)
    assert mempool.expire(3 * 10**9) == []
    expired = mempool.expire(3 * 10**9 + 2)
    assert [transaction.sender for transaction, _ in expired] == [ADDRESSES[0], ADDRESSES[2]]
    assert all(isinstance(error, TransactionExpired) for _, error in expired)


@pytest.mark.parametrize("seed", range(40))
def test_the_mempool_agrees_with_its_naive_twin(seed):
    Twins(seed).run(400)


class Twins:
    """Random operations on both, compared after each; accounts and their nonces are played by this class."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        limits = {"count_max": 10, "size_bytes_max": 1_000, "per_sender_max": 4, "lifetime_s": 1}
        self.fast, self.naive = Mempool(**limits), NaiveMempool(**limits)
        self.visible = dict.fromkeys(ADDRESSES[:5], 0)
        self.executing = dict(self.visible)
        self.executed: list[Transaction] = []
        self.now_ns = 0

    def run(self, count: int) -> None:
        operations = [self.insert] * 6 + [self.execute] * 2 + [self.publish, self.open_block, self.expire]
        for _ in range(count):
            self.now_ns += self.rng.randrange(10**8)
            self.rng.choice(operations)()
            self.compare()

    def both(self, operation: str, *arguments: object):
        results = []
        for mempool in (self.fast, self.naive):
            try:
                result = getattr(mempool, operation)(*arguments)
            except InvalidTransaction as error:
                result = error
            if isinstance(result, list):
                result = [(item[0], str(item[1])) if isinstance(item, tuple) else item for item in result]
            results.append(str(result) if isinstance(result, InvalidTransaction) else result)
        assert results[0] == results[1], operation
        return results[0]

    def insert(self) -> None:
        account = self.rng.randrange(5)
        nonce = max(0, self.visible[ADDRESSES[account]] + self.rng.randrange(-1, 6))
        fee = self.rng.randrange(1, 30)
        transaction = believed(
            account,
            nonce,
            max_fee_per_gas=fee,
            max_priority_fee_per_gas=self.rng.randrange(fee + 1),
            data=bytes(self.rng.choice([0, 0, 0, 50, 400])),
            gas_limit=self.rng.choice([21_000, 60_000]),
        )
        self.both("insert", transaction, self.visible[transaction.sender], fee, self.now_ns)

    def execute(self) -> None:
        """What the loop does with a batch, with an engine that refuses at random."""
        gas_left = self.rng.choice([50_000, 10**6])
        batch = self.both("take", self.rng.randrange(1, 6), self.rng.choice([0, 0, 10]), gas_left)
        refused: list[bytes] = []
        for transaction in batch:
            sender, expected = transaction.sender, self.executing[transaction.sender]
            if transaction.nonce > expected:
                operation = "put_back"
            elif transaction.nonce < expected:
                operation = "drop"
            else:
                operation = self.rng.choice(["executed"] * 6 + ["drop", "defer"])
            if operation == "executed":
                self.executing[sender] += 1
                self.executed.append(transaction)
                if self.rng.random() < 0.1:  # An authorization raises the nonce of somebody else's account.
                    self.executing[self.rng.choice(ADDRESSES[:5])] += 1
            else:
                refused.append(sender)
                self.both(operation, transaction)
        for sender in dict.fromkeys(refused):
            self.both("realign", sender, self.executing[sender])

    def publish(self) -> None:
        self.both("release", self.executed)
        self.executed = []
        self.visible = dict(self.executing)
        for sender, nonce in self.visible.items():
            if self.fast.next_nonce(sender) not in (None, nonce):
                self.both("realign", sender, nonce)

    def open_block(self) -> None:
        self.both("open_block")

    def expire(self) -> None:
        self.both("expire", self.now_ns)

    def compare(self) -> None:
        self.both("__len__")
        self.both("transactions")
        for sender in self.visible:
            self.both("next_nonce", sender)
            self.both("open_nonce", sender)
            self.both("cost_wei", sender, self.visible[sender])
        assert list(self.fast._ready) == self.naive.ready
        assert sorted(self.fast._deferred) == sorted(self.naive.deferred)
        assert self.fast._waiting_bytes == sum(len(item.transaction.raw) for item in self.naive.waiting())
