"""
Which block, state and environment a client means.

    latest               state: after the newest durable mini-block; blocks: the last sealed one
    pending              state: the same; blocks: the one being built
    safe, finalized      the last sealed block
    earliest             block 0
    number, hash         that block; the number of the block being built means its state so far

States of earlier blocks are kept for a while only; a state that is unknown or gone is `header not found`.
"""

from dataclasses import dataclass

from primitives.block import BlockEnvironment, Header, SealedBlock
from primitives.constants import ZERO_HASH
from primitives.errors import UnknownBlock
from rpc.backend import Backend
from rpc.encoding import BlockReference
from statestore.chain_blocks import BlockBody
from statestore.view import StateView


@dataclass(frozen=True)
class Blocks:
    """Looks up what references mean on this chain."""

    backend: Backend

    @property
    def head(self) -> SealedBlock:
        """The last sealed block."""
        return self.backend.history.head

    def number(self, reference: BlockReference) -> int | None:
        """The number of a block, sealed or being built; None for a hash that is no block's and no mini-block's."""
        if isinstance(reference, int):
            return reference
        if isinstance(reference, bytes):
            return self.backend.history.number_of_hash(reference)
        if reference == "earliest":
            return 0
        return self.head.number + (1 if reference == "pending" else 0)

    def sealed(self, reference: BlockReference) -> SealedBlock | None:
        """A sealed block; None if there is none that is meant."""
        number = self.number(reference)
        return None if number is None else self.backend.history.sealed_block(number)

    def body(self, reference: BlockReference) -> BlockBody | None:
        """
        A sealed block with its transactions, or the one being built, if `reference` is "pending" or the hash of one of
        its mini-blocks.
        """
        number = self.number(reference)
        if number is None:
            return None
        body = self.backend.history.body(number)
        if reference == "pending":
            # The block may be sealed between these two steps; then it is shown as it is.
            return body or BlockBody(header=None, transactions=(), mini_blocks=range(0), size_bytes=0)
        return body if body is not None and (body.header is not None or isinstance(reference, bytes)) else None

    def open_body(self) -> BlockBody | None:
        """The block being built, None while it has no transactions."""
        body = self.backend.history.body(self.head.number + 1)
        return body if body is not None and body.header is None and body.transactions else None

    def state(self, reference: BlockReference) -> StateView:
        """The state that a reference names; UnknownBlock if it does not exist or is no longer kept."""
        if reference in ("latest", "pending") or self._is_open(reference):
            return self.backend.latest_view()
        sealed = self.sealed(reference)
        if sealed is None:
            raise UnknownBlock
        try:
            return self.backend.state.view_at(sealed.version)
        except UnknownBlock:
            raise UnknownBlock(f"the state of block {sealed.number} is no longer kept") from None

    def environment(self, reference: BlockReference) -> BlockEnvironment:
        """What contracts see of the block that a reference names."""
        if reference == "pending" or self._is_open(reference):
            return self.backend.environment()
        if reference == "latest" and self.backend.history.open_mini_blocks():
            return self.backend.environment()
        sealed = self.sealed(reference)
        if sealed is None:
            raise UnknownBlock
        return self.environment_of(sealed.header)

    def environment_of(self, header: Header) -> BlockEnvironment:
        """The environment of a sealed block."""
        chain = self.backend.chain
        return BlockEnvironment(
            fork=chain.schedule.fork_at(header.number, header.timestamp),
            chain_id=chain.chain_id,
            number=header.number,
            timestamp=header.timestamp,
            gas_limit=header.gas_limit,
            coinbase=header.coinbase,
            base_fee_per_gas=header.base_fee_per_gas or 0,
            prev_randao=header.prev_randao,
            difficulty=header.difficulty,
            excess_blob_gas=header.excess_blob_gas or 0,
            block_hash=self.block_hash,
        )

    def block_hash(self, number: int) -> bytes:
        """The hash of a sealed block, zero for any other."""
        return self.backend.history.block_hash(number) or ZERO_HASH

    def _is_open(self, reference: BlockReference) -> bool:
        if not isinstance(reference, int | bytes):
            return False
        return self.number(reference) == self.head.number + 1 and bool(self.backend.history.open_mini_blocks())
