"""
The mempool as lists that are searched from end to end: slow, and plain to see.

Whether a transaction is executable is worked out anew each time, from nonces alone.
"""

from dataclasses import dataclass

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


@dataclass
class Item:
    transaction: Transaction
    arrival: int
    arrived_ns: int
    price: int
    is_taken: bool = False

    @property
    def key(self) -> tuple[bytes, int]:
        return (self.transaction.sender, self.transaction.nonce)


class NaiveMempool:
    def __init__(self, count_max: int, size_bytes_max: int, per_sender_max: int, lifetime_s: int) -> None:
        self.count_max = count_max
        self.size_bytes_max = size_bytes_max
        self.per_sender_max = per_sender_max
        self.lifetime_s = lifetime_s
        self.items: list[Item] = []
        self.ready: list[tuple[bytes, int]] = []
        self.deferred: list[tuple[bytes, int]] = []
        self.places: dict[tuple[bytes, int], int] = {}
        self.place = 0
        self.waiting_senders: set[bytes] = set()
        self.next_nonces: dict[bytes, int] = {}
        self.arrival = 0

    def __len__(self) -> int:
        return len(self.waiting())

    def waiting(self) -> list[Item]:
        return [item for item in self.items if not item.is_taken]

    def of(self, sender: bytes) -> dict[int, Item]:
        return {item.transaction.nonce: item for item in self.items if item.transaction.sender == sender}

    def transactions(self) -> list[Transaction]:
        return [item.transaction for item in self.items]

    def next_nonce(self, sender: bytes) -> int | None:
        return self.next_nonces[sender] if self.of(sender) else None

    def open_nonce(self, sender: bytes) -> int | None:
        own = self.of(sender)
        if not own:
            return None
        nonce = self.next_nonces[sender]
        while nonce in own:
            nonce += 1
        return nonce

    def cost_wei(self, sender: bytes, nonce: int) -> int:
        return sum(cost_max(item.transaction) for key, item in self.of(sender).items() if key != nonce)

    def is_executable(self, key: tuple[bytes, int]) -> bool:
        sender, nonce = key
        open_nonce = self.open_nonce(sender)
        return open_nonce is not None and self.next_nonces[sender] <= nonce < open_nonce

    def refresh(self, senders: set[bytes] | None = None) -> None:
        """Queues hold what is executable; who becomes so stands behind the rest, and before its own followers."""
        for sender in {key[0] for key in [*self.ready, *self.deferred, *[item.key for item in self.items]]}:
            if senders is not None and sender not in senders:
                continue
            nonces = sorted(item.transaction.nonce for item in self.of(sender).values() if not item.is_taken)
            executable = [(sender, nonce) for nonce in nonces if self.is_executable((sender, nonce))]
            new = [key for key in executable if key not in self.ready and key not in self.deferred]
            moved = [key for key in executable if new and key >= new[0]]
            stay = [key for key in executable if key not in moved]
            self.deferred = [key for key in self.deferred if key[0] != sender or key in stay]
            self.ready = [key for key in self.ready if key[0] != sender or key in stay] + moved
            for key in moved:
                self.place += 1
                self.places[key] = self.place

    def insert(self, transaction: Transaction, account_nonce: int, price: int, now_ns: int) -> list:
        sender, nonce = transaction.sender, transaction.nonce
        if any(item.transaction == transaction for item in self.items):
            raise AlreadyKnown
        own = self.of(sender)
        next_nonce = self.next_nonces[sender] if own else account_nonce
        if nonce < next_nonce:
            raise NonceTooLow(next_nonce, nonce)
        old = own.get(nonce)
        if old is not None:
            before = old.transaction
            if transaction.max_fee_per_gas <= before.max_fee_per_gas:
                raise ReplacementUnderpriced
            for fee, fee_before in (
                (transaction.max_fee_per_gas, before.max_fee_per_gas),
                (transaction.max_priority_fee_per_gas, before.max_priority_fee_per_gas),
            ):
                if fee < fee_before * 110 // 100:
                    raise ReplacementUnderpriced
        own_waiting = [item for item in own.values() if not item.is_taken]
        if old is None and nonce != next_nonce and len(own_waiting) >= self.per_sender_max:
            raise SenderQueueFull(self.per_sender_max)
        open_nonce = next_nonce
        while open_nonce in own:
            open_nonce += 1
        evicted = self.victims(transaction, price, old, nonce <= open_nonce)
        self.items = [item for item in self.items if item not in evicted and item is not old]
        self.next_nonces[sender] = next_nonce
        self.arrival += 1
        self.items.append(Item(transaction, self.arrival, now_ns, price))
        self.refresh()
        removed: list[tuple[Transaction, InvalidTransaction]] = [(item.transaction, MempoolFull()) for item in evicted]
        if old is not None:
            removed.append((old.transaction, TransactionReplaced()))
        return removed

    def victims(self, transaction: Transaction, price: int, old: Item | None, is_executable: bool) -> list[Item]:
        others = [item for item in self.waiting() if item is not old]
        gapped = [item for item in others if not self.is_executable(item.key)]
        executable = [item for item in others if self.is_executable(item.key)]
        gapped.sort(key=lambda item: (item.price, item.arrival))
        executable.sort(key=lambda item: (item.price, -item.arrival))
        chosen: list[Item] = []
        for victim in [*gapped, *executable, None]:
            left = [item for item in others if item not in chosen]
            size_bytes = sum(len(item.transaction.raw) for item in left) + len(transaction.raw)
            if len(left) + 1 <= self.count_max and size_bytes <= self.size_bytes_max:
                return chosen
            if victim is None:
                break
            is_needed = victim.transaction.sender == transaction.sender and victim.key[1] < transaction.nonce
            if victim in gapped and not (is_executable or victim.price < price):
                break
            if victim in executable and (not is_executable or victim.price >= price or is_needed):
                break
            chosen.append(victim)
        raise MempoolFull

    def take(self, count_max: int, base_fee_wei: int, gas_left: int) -> list[Transaction]:
        taken: list[Transaction] = []
        while self.ready and len(taken) < count_max:
            key = self.ready.pop(0)
            item = self.of(key[0])[key[1]]
            transaction = item.transaction
            is_too_dear = transaction.max_fee_per_gas < base_fee_wei or transaction.gas_limit > gas_left
            if key[0] in self.waiting_senders or is_too_dear:
                self.waiting_senders.add(key[0])
                self.deferred.append(key)
                continue
            item.is_taken = True
            self.next_nonces[key[0]] = key[1] + 1
            taken.append(transaction)
        return taken

    def defer(self, transaction: Transaction) -> None:
        item = self.of(transaction.sender)[transaction.nonce]
        item.is_taken = False
        self.waiting_senders.add(transaction.sender)
        self.deferred.append(item.key)

    def put_back(self, transaction: Transaction) -> None:
        if transaction.sender in self.waiting_senders:
            self.defer(transaction)
        else:
            self.of(transaction.sender)[transaction.nonce].is_taken = False

    def drop(self, transaction: Transaction) -> None:
        self.items.remove(self.of(transaction.sender)[transaction.nonce])

    def realign(self, sender: bytes, account_nonce: int) -> list:
        if not self.of(sender):
            return []
        self.next_nonces[sender] = account_nonce
        old = [item for item in self.waiting() if item.key[0] == sender and item.key[1] < account_nonce]
        old.sort(key=lambda item: item.key[1])
        self.items = [item for item in self.items if item not in old]
        self.refresh({sender})
        return [(item.transaction, NonceTooLow(account_nonce, item.key[1])) for item in old]

    def release(self, transactions: list[Transaction]) -> None:
        self.items = [item for item in self.items if item.transaction not in transactions]

    def open_block(self) -> None:
        self.waiting_senders.clear()
        self.ready = sorted(self.deferred + self.ready, key=lambda key: self.places[key])
        self.deferred = []

    def expire(self, now_ns: int) -> list:
        old = [item for item in self.waiting() if item.arrived_ns < now_ns - self.lifetime_s * 10**9]
        self.items = [item for item in self.items if item not in old]
        self.refresh()
        return [(item.transaction, TransactionExpired(self.lifetime_s)) for item in old]
