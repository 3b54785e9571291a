"""
Transactions on their way into the mempool: one alone goes at once, those that arrive meanwhile go together.

Whoever gives a transaction waits for its own answer. Nothing waits for company: a batch is what has arrived in the same
turn of the event loop, or while another batch was being admitted, in a thread, so that the event loop does not wait for
signatures. The order of arrival is kept.
"""

import asyncio
from concurrent.futures import Executor

from primitives.errors import InvalidTransaction
from primitives.transaction import Transaction
from rpc.backend import Backend

Outcomes = list[bytes | InvalidTransaction]
Waiting = tuple[Transaction, "asyncio.Future[bytes]"]


class Arrivals:
    """For the event loop's thread only; `threads` admits the batches, one at a time."""

    def __init__(self, backend: Backend, threads: Executor) -> None:
        self._backend = backend
        self._threads = threads
        self._waiting: list[Waiting] = []
        self._is_busy = False

    async def submit(self, transaction: Transaction) -> bytes:
        """As `Backend.submit`: the hash, or an InvalidTransaction that says why not."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        self._waiting.append((transaction, answer))
        if not self._is_busy:
            self._is_busy = True
            loop.call_soon(self._admit)
        return await answer

    def _admit(self) -> None:
        """Admit what has arrived."""
        batch, self._waiting = self._waiting, []
        if not batch:
            self._is_busy = False
            return
        transactions = [transaction for transaction, _ in batch]
        loop = asyncio.get_running_loop()
        if len(batch) > 1:
            admitted: asyncio.Future[Outcomes] = loop.run_in_executor(self._threads, self._backend.admit, transactions)
            admitted.add_done_callback(lambda outcomes: self._answer(batch, outcomes))
            return
        admitted = loop.create_future()
        try:
            admitted.set_result(self._backend.admit(transactions))
        except Exception as error:
            admitted.set_exception(error)
        self._answer(batch, admitted)

    def _answer(self, batch: list[Waiting], admitted: "asyncio.Future[Outcomes]") -> None:
        """Give each its answer, and go on with what has arrived meanwhile."""
        error = asyncio.CancelledError() if admitted.cancelled() else admitted.exception()
        for index, (_, answer) in enumerate(batch):
            outcome = error or admitted.result()[index]
            if answer.done():
                continue  # Whoever asked is gone.
            if isinstance(outcome, asyncio.CancelledError):
                answer.cancel()
            elif isinstance(outcome, BaseException):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)
        asyncio.get_running_loop().call_soon(self._admit)
