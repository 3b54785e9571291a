"""
Transactions that wait for execution: per sender in nonce order, across senders in the order of arrival.

A queued transaction is in one of four states:

- *gapped*: an earlier nonce of its sender is missing
- *ready*: executable; the ready ones form one queue, in the order in which they became so
- *deferred*: executable, but not in this block (its gas is used up, or its base fee is too high)
- *taken*: handed to the engine; it stays until the mini-block that contains it can be seen

A sender's taken, deferred and ready transactions have consecutive nonces. Whoever calls holds a lock: nothing
here is thread-safe. Fees are wei, times nanoseconds of a monotonic clock.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from primitives.constants import (
    MEMPOOL_BYTES_MAX,
    MEMPOOL_LIFETIME_S,
    MEMPOOL_PER_SENDER_MAX,
    MEMPOOL_TRANSACTIONS_MAX,
    REPLACEMENT_BUMP_PERCENT,
    U64_MAX,
)
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
from primitives.validity import cost_max

# The eviction heap may hold this many stale items beside as many as there are transactions.
_STALE_ITEMS_MAX: Final = 1_024

Removed = tuple[Transaction, InvalidTransaction]
Rank = tuple[bool, int, int]


class _Status(Enum):
    GAPPED = "gapped"
    READY = "ready"
    DEFERRED = "deferred"
    TAKEN = "taken"


@dataclass(slots=True, eq=False)
class _Entry:
    transaction: Transaction
    arrival: int  # Counts insertions.
    arrived_ns: int
    price: int
    cost_wei: int
    size_bytes: int
    status: _Status = _Status.GAPPED
    place: int = 0  # Among the executable ones: counts how many became so before.
    rank: Rank | None = None  # Its place among eviction's victims; None while it can't be one.


_Victim = tuple[Rank, int, _Entry]  # The second is unique, so that entries are never compared.


@dataclass(slots=True)
class _Sender:
    """`next_nonce` is the first not taken, `open_nonce` the first that is neither taken, ready nor deferred."""

    next_nonce: int
    open_nonce: int
    entries: dict[int, _Entry] = field(default_factory=dict)
    taken_count: int = 0
    cost_wei: int = 0


class Mempool:
    """Bounded by count, bytes, transactions a sender, and time."""

    def __init__(
        self,
        count_max: int = MEMPOOL_TRANSACTIONS_MAX,
        size_bytes_max: int = MEMPOOL_BYTES_MAX,
        per_sender_max: int = MEMPOOL_PER_SENDER_MAX,
        lifetime_s: int = MEMPOOL_LIFETIME_S,
    ) -> None:
        self._count_max = count_max
        self._size_bytes_max = size_bytes_max
        self._per_sender_max = per_sender_max
        self._lifetime_s = lifetime_s
        self._senders: dict[bytes, _Sender] = {}
        self._by_hash: dict[bytes, _Entry] = {}  # In the order of arrival.
        self._raws: set[bytes] = set()  # Of the same transactions.
        self._ready: OrderedDict[tuple[bytes, int], _Entry] = OrderedDict()
        self._deferred: dict[tuple[bytes, int], _Entry] = {}
        self._place_count = 0
        self._waiting_senders: set[bytes] = set()  # They have deferred transactions: nothing of theirs is taken.
        self._victims: list[_Victim] = []  # A heap; an item is stale when its rank is no longer its entry's own.
        self._push_count = 0
        self._arrival_count = 0
        self._waiting_count = 0  # Transactions that are not taken.
        self._waiting_bytes = 0

    def __len__(self) -> int:
        """How many transactions wait; taken ones do not count."""
        return self._waiting_count

    @property
    def has_ready(self) -> bool:
        """Whether `take` may return something now."""
        return bool(self._ready)

    def find(self, transaction_hash: bytes) -> Transaction | None:
        """The transaction with this hash, waiting or taken."""
        entry = self._by_hash.get(transaction_hash)
        return None if entry is None else entry.transaction

    def has_raw(self, raw: bytes) -> bool:
        """Whether the transaction with this envelope waits or is taken; needs no lock, and no hash of it."""
        return raw in self._raws

    def transactions(self) -> list[Transaction]:
        """All of them, waiting or taken, in the order of arrival."""
        return [entry.transaction for entry in self._by_hash.values()]

    def next_nonce(self, sender: bytes) -> int | None:
        """The lowest nonce that is not taken; None for a sender without transactions here."""
        queue = self._senders.get(sender)
        return None if queue is None else queue.next_nonce

    def open_nonce(self, sender: bytes) -> int | None:
        """The first nonce after the sender's executable transactions; None for a sender without any here."""
        queue = self._senders.get(sender)
        return None if queue is None else queue.open_nonce

    def cost_wei(self, sender: bytes, nonce: int) -> int:
        """What the sender's transactions cost at most, without the one that has this nonce."""
        queue = self._senders.get(sender)
        if queue is None:
            return 0
        replaced = queue.entries.get(nonce)
        return queue.cost_wei - (0 if replaced is None else replaced.cost_wei)

    # Coming in.

    def insert(self, transaction: Transaction, account_nonce: int, price: int, now_ns: int) -> list[Removed]:
        """
        Queue a transaction, and return those that had to go for it (replaced, or evicted).

        `account_nonce` is the sender's in the newest state that can be seen; `price` is what eviction compares.
        Raises NonceTooLow, AlreadyKnown, ReplacementUnderpriced, SenderQueueFull or MempoolFull.
        """
        if transaction.hash in self._by_hash:
            raise AlreadyKnown
        address, nonce = transaction.sender, transaction.nonce
        queue = self._senders.get(address)
        if queue is None:
            queue = _Sender(account_nonce, account_nonce)
        if nonce < queue.next_nonce:
            raise NonceTooLow(queue.next_nonce, nonce)
        replaced = queue.entries.get(nonce)
        if replaced is not None and not _pays_replacement(transaction, replaced.transaction):
            raise ReplacementUnderpriced
        waiting_count = len(queue.entries) - queue.taken_count
        if replaced is None and nonce != queue.next_nonce and waiting_count >= self._per_sender_max:
            raise SenderQueueFull(self._per_sender_max)
        entry = self._new_entry(transaction, price, now_ns)
        evicted = self._make_room(entry, queue, replaced)
        removed: list[Removed] = [(victim.transaction, MempoolFull()) for victim in evicted]
        for victim in evicted:
            self._remove(victim)
        self._senders[address] = queue  # Again, should its last transaction have been evicted.
        if replaced is not None:
            removed.append((replaced.transaction, TransactionReplaced()))
            self._replace(queue, replaced, entry)
        else:
            self._add(queue, entry)
            if nonce == queue.open_nonce:
                self._promote(queue)
            else:
                self._set_rank(entry)
        return removed

    def _new_entry(self, transaction: Transaction, price: int, now_ns: int) -> _Entry:
        self._arrival_count += 1
        size_bytes = len(transaction.raw)
        return _Entry(transaction, self._arrival_count, now_ns, price, cost_max(transaction), size_bytes)

    def _add(self, queue: _Sender, entry: _Entry) -> None:
        queue.entries[entry.transaction.nonce] = entry
        queue.cost_wei += entry.cost_wei
        self._by_hash[entry.transaction.hash] = entry
        self._raws.add(entry.transaction.raw)
        self._waiting_count += 1
        self._waiting_bytes += entry.size_bytes

    def _replace(self, queue: _Sender, old: _Entry, new: _Entry) -> None:
        """Put `new` in the place of `old`, also in the queue of ready ones."""
        key = (old.transaction.sender, old.transaction.nonce)
        del self._by_hash[old.transaction.hash]
        self._raws.discard(old.transaction.raw)
        queue.cost_wei -= old.cost_wei
        self._waiting_count -= 1
        self._waiting_bytes -= old.size_bytes
        old.rank = None
        self._add(queue, new)
        new.status, new.place = old.status, old.place
        if old.status is _Status.READY:
            self._ready[key] = new
        elif old.status is _Status.DEFERRED:
            self._deferred[key] = new
        self._set_rank(new)

    def _promote(self, queue: _Sender) -> None:
        """Make ready what follows the sender's executable transactions without a gap."""
        while (entry := queue.entries.get(queue.open_nonce)) is not None:
            assert entry.status is _Status.GAPPED, "what lies beyond the open nonce is gapped"
            self._make_ready(entry)
            queue.open_nonce += 1

    def _make_ready(self, entry: _Entry) -> None:
        self._place_count += 1
        entry.place = self._place_count
        entry.status = _Status.READY
        self._ready[entry.transaction.sender, entry.transaction.nonce] = entry
        self._set_rank(entry)

    # Going out.

    def take(self, count_max: int, base_fee_wei: int, gas_left: int, batch_gas_max: int = U64_MAX) -> list[Transaction]:
        """
        The next ready transactions, in order; they are taken from now on.

        What can't enter this block, because of its fee or the block's gas, waits for `open_block`. From the second on
        they stop where their gas limits would add up to more than `batch_gas_max`.
        """
        taken: list[Transaction] = []
        batch_gas = 0
        while self._ready and len(taken) < count_max:
            key, entry = next(iter(self._ready.items()))
            queue = self._senders[key[0]]
            transaction = entry.transaction
            if taken and batch_gas + transaction.gas_limit > batch_gas_max:
                break
            del self._ready[key]
            is_priced_out = transaction.max_fee_per_gas < base_fee_wei
            if key[0] in self._waiting_senders or is_priced_out or transaction.gas_limit > gas_left:
                self._defer(entry)
                continue
            entry.status = _Status.TAKEN
            entry.rank = None
            queue.taken_count += 1
            queue.next_nonce = transaction.nonce + 1
            self._waiting_count -= 1
            self._waiting_bytes -= entry.size_bytes
            taken.append(transaction)
            batch_gas += transaction.gas_limit
        return taken

    def defer(self, transaction: Transaction) -> None:
        """
        A taken transaction was not executed; it waits for the next block, and so does what follows it.

        `realign` must follow.
        """
        entry = self._by_hash[transaction.hash]
        self._give_back(self._senders[transaction.sender], entry)
        self._defer(entry)

    def put_back(self, transaction: Transaction) -> None:
        """
        A taken transaction met an earlier nonce that was not executed either.

        If that one is deferred, so is this; otherwise `realign`, which must follow, says what becomes of it.
        """
        if transaction.sender in self._waiting_senders:
            self.defer(transaction)
            return
        entry = self._by_hash[transaction.hash]
        self._give_back(self._senders[transaction.sender], entry)
        self._set_rank(entry)

    def drop(self, transaction: Transaction) -> None:
        """A taken transaction can't be executed and is forgotten; `realign` must follow."""
        entry = self._by_hash[transaction.hash]
        self._give_back(self._senders[transaction.sender], entry)
        self._forget(entry)

    def realign(self, sender: bytes, account_nonce: int) -> list[Removed]:
        """
        Bring a sender's queue in line with the nonce of its account; returns what is too old by it.

        Needed after `defer`, `put_back` and `drop`, and after something else than a transaction of the sender raised
        its nonce (EIP-7702). Changes nothing for a queue that is in line.
        """
        queue = self._senders.get(sender)
        if queue is None:
            return []
        waiting = sorted(nonce for nonce, entry in queue.entries.items() if entry.status is not _Status.TAKEN)
        queue.next_nonce = account_nonce
        removed: list[Removed] = []
        open_nonce = account_nonce
        is_reordered = False
        for nonce in waiting:
            entry = queue.entries[nonce]
            if nonce < account_nonce:
                self._leave_queue(entry)
                self._forget(entry)
                removed.append((entry.transaction, NonceTooLow(account_nonce, nonce)))
            elif nonce == open_nonce:
                open_nonce += 1
                # Whatever follows one that is made ready now has to stand behind it.
                is_reordered = is_reordered or entry.status is _Status.GAPPED
                if is_reordered:
                    self._leave_queue(entry)
                    self._make_ready(entry)
            elif entry.status is not _Status.GAPPED:
                self._demote(entry)
        queue.open_nonce = open_nonce
        return removed

    def release(self, transactions: Iterable[Transaction]) -> None:
        """Forget taken transactions: the mini-block that contains them can be seen now."""
        for transaction in transactions:
            entry = self._by_hash[transaction.hash]
            assert entry.status is _Status.TAKEN, "only what was taken can have been executed"
            queue = self._senders[transaction.sender]
            queue.taken_count -= 1
            self._waiting_count += 1
            self._waiting_bytes += entry.size_bytes
            self._forget(entry)

    def open_block(self) -> None:
        """A block begins: what was deferred is ready again, in the places that it had."""
        self._waiting_senders.clear()
        if self._deferred:
            for entry in self._deferred.values():
                entry.status = _Status.READY
            # Some were passed over when a batch was taken, others came back from the engine later.
            items = [*self._deferred.items(), *self._ready.items()]
            self._ready = OrderedDict(sorted(items, key=lambda item: item[1].place))
            self._deferred = {}

    def expire(self, now_ns: int) -> list[Removed]:
        """Remove what has waited longer than the lifetime."""
        deadline_ns = now_ns - self._lifetime_s * 10**9
        expired: list[_Entry] = []
        for entry in self._by_hash.values():
            if entry.arrived_ns >= deadline_ns:
                break
            if entry.status is not _Status.TAKEN:
                expired.append(entry)
        for entry in expired:
            self._remove(entry)
        return [(entry.transaction, TransactionExpired(self._lifetime_s)) for entry in expired]

    def _defer(self, entry: _Entry) -> None:
        sender = entry.transaction.sender
        entry.status = _Status.DEFERRED
        self._waiting_senders.add(sender)
        self._deferred[sender, entry.transaction.nonce] = entry
        self._set_rank(entry)

    def _give_back(self, queue: _Sender, entry: _Entry) -> None:
        """Undo what `take` counted."""
        assert entry.status is _Status.TAKEN, "only what was taken can come back"
        entry.status = _Status.GAPPED
        queue.taken_count -= 1
        self._waiting_count += 1
        self._waiting_bytes += entry.size_bytes

    def _remove(self, entry: _Entry) -> None:
        """Forget a waiting entry; what followed it is gapped now."""
        queue = self._senders[entry.transaction.sender]
        nonce = entry.transaction.nonce
        if entry.status is not _Status.GAPPED:
            for follower in range(nonce + 1, queue.open_nonce):
                self._demote(queue.entries[follower])
            queue.open_nonce = nonce
        self._leave_queue(entry)
        self._forget(entry)

    def _demote(self, entry: _Entry) -> None:
        self._leave_queue(entry)
        entry.status = _Status.GAPPED
        self._set_rank(entry)

    def _leave_queue(self, entry: _Entry) -> None:
        key = (entry.transaction.sender, entry.transaction.nonce)
        if entry.status is _Status.READY:
            del self._ready[key]
        elif entry.status is _Status.DEFERRED:
            del self._deferred[key]

    def _forget(self, entry: _Entry) -> None:
        transaction = entry.transaction
        entry.rank = None
        queue = self._senders[transaction.sender]
        del queue.entries[transaction.nonce]
        del self._by_hash[transaction.hash]
        self._raws.discard(transaction.raw)
        queue.cost_wei -= entry.cost_wei
        self._waiting_count -= 1
        self._waiting_bytes -= entry.size_bytes
        if not queue.entries:
            del self._senders[transaction.sender]

    # Eviction.

    def _make_room(self, newcomer: _Entry, queue: _Sender, replaced: _Entry | None) -> list[_Entry]:
        """
        Who has to go so that `newcomer` fits, chosen but not yet removed; MempoolFull if it may not push them out.

        Gapped ones go first, the cheapest and then the oldest, for any executable newcomer; an executable one only
        for an executable newcomer that pays more, the cheapest and then the youngest, so that nobody is pushed
        out of a queue by standing behind.
        """
        sender, nonce = newcomer.transaction.sender, newcomer.transaction.nonce
        is_executable = nonce <= queue.open_nonce
        count = self._waiting_count + (0 if replaced else 1)
        size_bytes = self._waiting_bytes + newcomer.size_bytes - (replaced.size_bytes if replaced else 0)
        chosen: list[_Victim] = []
        while count > self._count_max or size_bytes > self._size_bytes_max:
            item = self._pop_victim()
            if item is None:
                self._return_victims(chosen)
                raise MempoolFull
            chosen.append(item)
            victim = item[2]
            if victim is replaced:
                continue
            is_cheaper = victim.price < newcomer.price
            if victim.status is _Status.GAPPED:
                may_go = is_executable or is_cheaper
            else:
                # Without an earlier one of its own sender, the newcomer would not be executable.
                is_needed = victim.transaction.sender == sender and victim.transaction.nonce < nonce
                may_go = is_executable and is_cheaper and not is_needed
            if not may_go:
                self._return_victims(chosen)
                raise MempoolFull
            count -= 1
            size_bytes -= victim.size_bytes
        self._return_victims([item for item in chosen if item[2] is replaced])
        return [item[2] for item in chosen if item[2] is not replaced]

    def _pop_victim(self) -> _Victim | None:
        while self._victims:
            item = heapq.heappop(self._victims)
            if item[2].rank is item[0]:
                return item
        return None

    def _return_victims(self, items: Iterable[_Victim]) -> None:
        for item in items:
            heapq.heappush(self._victims, item)

    def _set_rank(self, entry: _Entry) -> None:
        is_executable = entry.status is not _Status.GAPPED
        entry.rank = (is_executable, entry.price, -entry.arrival if is_executable else entry.arrival)
        self._push_count += 1
        heapq.heappush(self._victims, (entry.rank, self._push_count, entry))
        if len(self._victims) > 2 * len(self._by_hash) + _STALE_ITEMS_MAX:
            self._victims = [item for item in self._victims if item[2].rank is item[0]]
            heapq.heapify(self._victims)


def _pays_replacement(new: Transaction, old: Transaction) -> bool:
    """
    Whether both fees are at least 10 % above the old ones, and the maximum fee is higher in any case.

    A priority fee of 0 may stay 0: where the base fee is constant, wallets offer none.
    """
    factor = 100 + REPLACEMENT_BUMP_PERCENT
    return (
        new.max_fee_per_gas > old.max_fee_per_gas
        and new.max_fee_per_gas >= old.max_fee_per_gas * factor // 100
        and new.max_priority_fee_per_gas >= old.max_priority_fee_per_gas * factor // 100
    )
