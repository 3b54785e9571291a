"""
A node for tests of the JSON-RPC service: everything seals when the test says so.

History and engine are real; the state is a pile of overlays, one for each mini-block, so that every version stays
readable. `ContractNode` begins with a few small contracts.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from evm_jit.engine import Engine
from evm_jit.engines import make_engine
from primitives.block import BlockEnvironment, SealedBlock, header_of_fork
from primitives.chain import ChainConfig
from primitives.constants import DEV_MNEMONIC, TRANSACTION_SIZE_BYTES_MAX, ZERO_HASH
from primitives.errors import AlreadyKnown, InvalidTransaction, NonceTooLow, TransactionTooLarge, UnknownBlock
from primitives.events import BlockSealed, Event, MiniBlockSealed, TransactionQueued, TransactionRefused
from primitives.keccak import keccak256
from primitives.mini_block import MiniBlock
from primitives.receipt import logs_bloom
from primitives.state_diff import EMPTY_ACCOUNT, StateDiff
from primitives.transaction import DYNAMIC_FEE, Transaction, decode_transaction
from rpc.wallet import DevWallet
from statestore.disk import MemoryDisk
from statestore.history import History
from statestore.overlay import EmptyView, Overlay
from statestore.view import StateView
from tests.asm import CALLER, GAS, JUMPDEST, code, deploy, log, push, return_word, revert, sload, sstore

START_S = 1_700_000_000
WALLET = DevWallet.from_mnemonic(DEV_MNEMONIC, 3)
ALICE, BOB, CAROL = WALLET.addresses
NOBODY = b"\x99" * 20
RICH_WEI = 10_000 * 10**18

# Contracts that are there from the start.
ANSWER = b"\xa1" * 20  # Returns 42.
COUNTER = b"\xa2" * 20  # Adds 1 to slot 0, and logs with topics 7 and 8.
COMPLAINER = b"\xa3" * 20  # Reverts with Error("no way").
ENDLESS = b"\xa4" * 20  # Loops for ever.
HOARDER = b"\xa5" * 20  # Needs much gas to be there, but uses little of it.
SILENT = b"\xa6" * 20  # Reverts without data.
PANICKER = b"\xa7" * 20  # Panics as assert(false) does.
WHOAMI = b"\xa8" * 20  # Returns its caller.
BROKEN = b"\xa9" * 20  # An invalid opcode.

ERROR_DATA = bytes.fromhex("08c379a0") + (32).to_bytes(32) + (6).to_bytes(32) + b"no way".ljust(32, b"\x00")
PANIC_DATA = bytes.fromhex("4e487b71") + (1).to_bytes(32)
# Ends with REVERT unless 200,000 gas are left at the start.
_NEEDS_MUCH = push(200_000) + GAS + b"\x11" + push(14) + b"\x57" + push(0) + push(0) + b"\xfd" + JUMPDEST
CODES = {
    ANSWER: return_word(42),
    COUNTER: sstore(0, code(push(1), sload(0), b"\x01")) + log((7, 8)) + b"\x00",
    COMPLAINER: revert(ERROR_DATA),
    ENDLESS: JUMPDEST + push(0) + b"\x56",
    HOARDER: _NEEDS_MUCH + return_word(1),
    SILENT: revert(),
    PANICKER: revert(PANIC_DATA),
    WHOAMI: return_word(code(CALLER)),
    BROKEN: b"\xfe",
}
INIT_CODE = deploy(CODES[ANSWER])


class Versions:
    """The state after each mini-block."""

    def __init__(self) -> None:
        self.views: list[Overlay] = []
        self.oldest = 0

    def view_at(self, version: int) -> StateView:
        if not self.oldest <= version < len(self.views):
            raise UnknownBlock
        return self.views[version]


class Node:
    """A `Backend`. With `seals_at_once` a mini-block is sealed before `submit` returns."""

    def __init__(self, chain: ChainConfig | None = None, *, seals_at_once: bool = False) -> None:
        self.chain = chain or ChainConfig()
        self.state = Versions()
        self.engine: Engine = make_engine("reference")
        self.wallet: DevWallet | None = WALLET
        self.seals_at_once = seals_at_once
        self.history = History(MemoryDisk(), "none")
        self.queue: list[Transaction] = []
        self.listeners: list[Callable[[Event], None]] = []
        self._write_genesis()

    # Backend

    def latest_view(self) -> StateView:
        return self.state.views[-1]

    def submit(self, transaction: Transaction) -> bytes:
        if self.find_pending(transaction.hash) is not None:
            raise AlreadyKnown
        nonce = self.nonce(transaction.sender)
        if transaction.nonce < nonce:
            raise NonceTooLow(nonce, transaction.nonce)
        self.queue.append(transaction)
        self.publish(TransactionQueued(transaction))
        if self.seals_at_once:
            self.seal_mini_block()
        return transaction.hash

    def admit(self, raws: Sequence[bytes]) -> list[bytes | InvalidTransaction]:
        outcomes: list[bytes | InvalidTransaction] = []
        for raw in raws:
            try:
                if len(raw) > TRANSACTION_SIZE_BYTES_MAX:
                    raise TransactionTooLarge(len(raw), TRANSACTION_SIZE_BYTES_MAX)
                outcomes.append(self.submit(decode_transaction(raw)))
            except InvalidTransaction as error:
                outcomes.append(error)
        return outcomes

    def environment(self) -> BlockEnvironment:
        head = self.history.head.header
        number, timestamp = head.number + 1, head.timestamp + 1
        return BlockEnvironment(
            fork=self.chain.schedule.fork_at(number, timestamp),
            chain_id=self.chain.chain_id,
            number=number,
            timestamp=timestamp,
            gas_limit=self.chain.gas_limit,
            coinbase=b"\xcb" * 20,
            base_fee_per_gas=self.chain.base_fee_per_gas,
            block_hash=lambda number: self.history.block_hash(number) or ZERO_HASH,
        )

    def pending_nonce(self, address: bytes) -> int:
        nonce = self.nonce(address)
        waiting = {item.nonce for item in self.queue if item.sender == address}
        while nonce in waiting:
            nonce += 1
        return nonce

    def pending_transactions(self) -> list[Transaction]:
        return list(self.queue)

    def find_pending(self, transaction_hash: bytes) -> Transaction | None:
        return next((item for item in self.queue if item.hash == transaction_hash), None)

    def suggested_tip(self) -> int:
        return 0

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    # What a test does

    def nonce(self, address: bytes) -> int:
        return (self.latest_view().account(address) or EMPTY_ACCOUNT).nonce

    def send(self, to: bytes | None, sender: bytes = ALICE, **fields: object) -> Transaction:
        """Sign and submit."""
        transaction = self.signed(to, sender, **fields)
        self.submit(transaction)
        return transaction

    def signed(self, to: bytes | None, sender: bytes = ALICE, **fields: object) -> Transaction:
        members: dict[str, object] = {
            "type": DYNAMIC_FEE,
            "chain_id": self.chain.chain_id,
            "nonce": self.pending_nonce(sender),
            "max_priority_fee_per_gas": 1,
            "max_fee_per_gas": 10**9,
            "gas_limit": 200_000,
            "to": to,
            "value": 0,
            "data": b"",
            "y_parity": 0,
            "r": 0,
            "s": 0,
        }
        return WALLET.sign_transaction(sender, Transaction(**{**members, **fields}))  # type: ignore[arg-type]

    def seal_mini_block(self) -> MiniBlock:
        """Execute everything that has the next nonce, and seal it."""
        environment = self.environment()
        open_mini_blocks = self.history.open_mini_blocks()
        gas_used = sum(mini_block.gas_used for mini_block in open_mini_blocks)
        overlay = Overlay(self.state.views[-1])
        waiting, self.queue = self.queue, []
        transactions, receipts = [], []
        for transaction in waiting:
            outcome = self.engine.execute([transaction], environment, overlay, gas_used)[0]
            if outcome.receipt is None:
                assert outcome.refusal is not None
                self.refuse(transaction, outcome.refusal)
                continue
            gas_used += outcome.receipt.gas_used
            transactions.append(transaction)
            receipts.append(outcome.receipt)
        number = self.history.next_mini_block_number
        mini_block = MiniBlock(
            number=number,
            block_number=environment.number,
            index=len(open_mini_blocks),
            timestamp_us=environment.timestamp * 10**6 + number,
            parent_hash=self.history.last_mini_block_hash,
            block_timestamp=environment.timestamp,
            gas_limit=environment.gas_limit,
            coinbase=environment.coinbase,
            base_fee_per_gas=environment.base_fee_per_gas,
            prev_randao=environment.prev_randao,
            transactions=tuple(transactions),
            receipts=tuple(receipts),
            state_diff=StateDiff(),
        )
        self.history.append_mini_block(mini_block)
        overlay.begin_transaction()
        self.state.views.append(overlay)
        self.publish(MiniBlockSealed(mini_block))
        return mini_block

    def seal_block(self) -> SealedBlock:
        """Close the open block, after a mini-block of what is queued."""
        if self.queue:
            self.seal_mini_block()
        environment, mini_blocks = self.environment(), self.history.open_mini_blocks()
        receipts = [receipt for mini_block in mini_blocks for receipt in mini_block.receipts]
        header = header_of_fork(
            environment.fork,
            parent_hash=self.history.head.hash,
            coinbase=environment.coinbase,
            state_root=keccak256(b"state %d" % environment.number),
            transactions_root=keccak256(b"transactions"),
            receipts_root=keccak256(b"receipts"),
            bloom=logs_bloom([log for receipt in receipts for log in receipt.logs]),
            number=environment.number,
            gas_limit=environment.gas_limit,
            gas_used=receipts[-1].cumulative_gas_used if receipts else 0,
            timestamp=environment.timestamp,
            base_fee_per_gas=environment.base_fee_per_gas,
        )
        block = SealedBlock(header, self.history.head.version, len(mini_blocks))
        self.history.append_block(block)
        self.publish(BlockSealed(block))
        return block

    def refuse(self, transaction: Transaction, error: InvalidTransaction) -> None:
        self.queue = [item for item in self.queue if item.hash != transaction.hash]
        self.publish(TransactionRefused(transaction.hash, error))

    def publish(self, event: Event) -> None:
        for listener in list(self.listeners):
            listener(event)

    def _write_genesis(self) -> None:
        overlay = Overlay(EmptyView())
        for address in (ALICE, BOB):
            overlay.set_balance(address, RICH_WEI)
        for address, bytecode in CODES.items():
            overlay.set_code(address, bytecode)
            overlay.set_nonce(address, 1)
        overlay.begin_transaction()
        self.state.views.append(overlay)
        fork = self.chain.schedule.fork_at(0, START_S)
        header = header_of_fork(
            fork,
            parent_hash=ZERO_HASH,
            coinbase=bytes(20),
            state_root=keccak256(b"state 0"),
            transactions_root=keccak256(b"transactions"),
            receipts_root=keccak256(b"receipts"),
            bloom=bytes(256),
            number=0,
            gas_limit=self.chain.gas_limit,
            gas_used=0,
            timestamp=START_S,
            base_fee_per_gas=self.chain.base_fee_per_gas,
        )
        self.history.append_block(SealedBlock(header, 0, 0))


def chain_with_gas_limit(gas_limit: int) -> ChainConfig:
    return replace(ChainConfig(), gas_limit=gas_limit)
