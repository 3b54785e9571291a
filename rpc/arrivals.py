"""
Transactions on their way into the mempool: one alone goes at once, those that arrive meanwhile go together.

Whoever gives some waits for their answers. Nothing waits for company: a batch is what has arrived in the same turn of
the event loop, or while another batch was being admitted, in a thread, so that the event loop does not wait for
signatures. The order of arrival is kept.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Final

from primitives.errors import InvalidTransaction
from rpc.backend import Backend

Outcomes = list[bytes | InvalidTransaction]
Waiting = tuple[Sequence[bytes], "asyncio.Future[Outcomes]"]

# Those who arrive next wait for a batch: 256 signatures take a core 1.4 ms in lanes, or 11 ms one by one.
BATCH_MAX: Final = 256


class Arrivals:
    """For the event loop's thread only; `threads` admits the batches, one at a time."""

    def __init__(self, backend: Backend, threads: Executor) -> None:
        self._backend = backend
        self._threads = threads
        self._waiting: deque[Waiting] = deque()
        self._is_busy = False

    async def submit(self, raws: Sequence[bytes]) -> Outcomes:
        """As `Backend.admit`: of each transaction the hash, or an InvalidTransaction that says why not."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcomes] = loop.create_future()
        self._waiting.append((raws, answer))
        if not self._is_busy:
            self._is_busy = True
            loop.call_soon(self._admit)
        return await answer

    def _admit(self) -> None:
        """Admit what has arrived, up to BATCH_MAX unless the first who waits has more."""
        batch: list[Waiting] = []
        count = 0
        while self._waiting and (not batch or count + len(self._waiting[0][0]) <= BATCH_MAX):
            batch.append(self._waiting.popleft())
            count += len(batch[-1][0])
        if not batch:
            self._is_busy = False
            return
        raws = [raw for given, _ in batch for raw in given]
        loop = asyncio.get_running_loop()
        if len(raws) > 1:
            admitted: asyncio.Future[Outcomes] = loop.run_in_executor(self._threads, self._backend.admit, raws)
            admitted.add_done_callback(lambda outcomes: self._answer(batch, outcomes))
            return
        admitted = loop.create_future()
        try:
            admitted.set_result(self._backend.admit(raws))
        except Exception as error:
            admitted.set_exception(error)
        self._answer(batch, admitted)

    def _answer(self, batch: list[Waiting], admitted: "asyncio.Future[Outcomes]") -> None:
        """Give each its answer, and go on with what has arrived meanwhile."""
        error = asyncio.CancelledError() if admitted.cancelled() else admitted.exception()
        outcomes = [] if error else admitted.result()
        first = 0
        for raws, answer in batch:
            end = first + len(raws)
            if not answer.done():  # Else, whoever asked is gone.
                if error is None:
                    answer.set_result(outcomes[first:end])
                elif isinstance(error, asyncio.CancelledError):
                    answer.cancel()
                else:
                    answer.set_exception(error)
            first = end
        asyncio.get_running_loop().call_soon(self._admit)
