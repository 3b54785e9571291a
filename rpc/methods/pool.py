"""Methods that show the mempool: what can be executed next (`pending`) and what waits for a nonce (`queued`)."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from primitives.state_diff import EMPTY_ACCOUNT
from primitives.transaction import Transaction
from rpc.backend import Backend
from rpc.dispatch import Method, Parameter, Where
from rpc.encoding import data, quantity, read_address
from rpc.json_objects import Json, pending_transaction_object

Show = Callable[[Transaction], Any]


@dataclass(frozen=True)
class PoolMethods:
    """`txpool_content` and its kin."""

    backend: Backend

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "txpool_status": Method(self.status, where=Where.READER),
            "txpool_content": Method(self.content, where=Where.READER),
            "txpool_contentFrom": Method(self.content_from, (Parameter(read_address),), Where.READER),
            "txpool_inspect": Method(self.inspect, where=Where.READER),
        }

    def status(self) -> Json:
        """How many wait."""
        pending, queued = self._split()
        return {
            "pending": quantity(sum(len(nonces) for nonces in pending.values())),
            "queued": quantity(sum(len(nonces) for nonces in queued.values())),
        }

    def content(self) -> Json:
        """All of them, by sender and nonce."""
        return self._show(pending_transaction_object)

    def inspect(self) -> Json:
        """A line for each."""
        return self._show(_line)

    def content_from(self, sender: bytes) -> Json:
        """Those of one sender, by nonce."""
        pending, queued = self._split()
        shown = {}
        for name, senders in (("pending", pending), ("queued", queued)):
            nonces = senders.get(sender, {})
            shown[name] = {str(nonce): pending_transaction_object(item) for nonce, item in nonces.items()}
        return shown

    def _show(self, show: Show) -> Json:
        pending, queued = self._split()
        return {
            name: {
                to_checksum_address(sender): {str(nonce): show(item) for nonce, item in nonces.items()}
                for sender, nonces in senders.items()
            }
            for name, senders in (("pending", pending), ("queued", queued))
        }

    def _split(self) -> tuple[dict[bytes, dict[int, Transaction]], dict[bytes, dict[int, Transaction]]]:
        """By sender and nonce: those that follow the account's nonce without a gap, and the rest."""
        by_sender: dict[bytes, dict[int, Transaction]] = defaultdict(dict)
        for transaction in self.backend.pending_transactions():
            by_sender[transaction.sender][transaction.nonce] = transaction
        state = self.backend.latest_view()
        pending: dict[bytes, dict[int, Transaction]] = {}
        queued: dict[bytes, dict[int, Transaction]] = {}
        for sender, transactions in by_sender.items():
            next_nonce = (state.account(sender) or EMPTY_ACCOUNT).nonce
            for nonce in sorted(transactions):
                # A nonce below the account's was executed a moment ago and is about to leave.
                is_next = nonce <= next_nonce
                next_nonce += nonce == next_nonce
                (pending if is_next else queued).setdefault(sender, {})[nonce] = transactions[nonce]
        return pending, queued


def _line(transaction: Transaction) -> str:
    to = "contract creation" if transaction.to is None else data(transaction.to)
    return f"{to}: {transaction.value} wei + {transaction.gas_limit} gas × {transaction.max_fee_per_gas} wei"
