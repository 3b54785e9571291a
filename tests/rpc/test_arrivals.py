"""Transactions that arrive together are admitted together; one alone does not wait, and each gets its own answer."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, cast

import pytest

from primitives.errors import AlreadyKnown, InvalidTransaction, SequencerStopped
from rpc.arrivals import BATCH_MAX, Arrivals
from rpc.backend import Backend


class Gate:
    """The part of a `Backend` that admits; it notes what comes together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.error: Exception | None = None
        self.refused: set[int] = set()

    def admit(self, raws: Sequence[bytes]) -> list[bytes | InvalidTransaction]:
        self.batches.append([raw[0] for raw in raws])
        if self.error is not None:
            raise self.error
        return [AlreadyKnown() if raw[0] in self.refused else raw for raw in raws]


class Held(Executor):
    """Runs nothing until it is told to."""

    def __init__(self) -> None:
        self.held: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, run: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.held.append((future, lambda: run(*arguments, **named)))
        return future

    def release(self) -> None:
        future, run = self.held.pop(0)
        future.set_result(run())


class Gates:
    """Arrivals before a gate; a transaction is a number here, its envelope and its hash that byte."""

    def __init__(self, threads: Executor) -> None:
        self.gate = Gate()
        self._arrivals = Arrivals(cast(Backend, self.gate), threads)

    async def send(self, number: int) -> bytes:
        [outcome] = await self.send_together(number)
        if isinstance(outcome, InvalidTransaction):
            raise outcome
        return outcome

    def send_together(self, *numbers: int) -> Coroutine[Any, Any, list[bytes | InvalidTransaction]]:
        return self._arrivals.submit([bytes((number,)) for number in numbers])

    async def send_all(self, *numbers: int) -> list[bytes | BaseException]:
        return await asyncio.gather(*[self.send(number) for number in numbers], return_exceptions=True)


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_one_alone_is_admitted_without_a_thread():
    held = Held()
    gates = Gates(held)

    async def run() -> list[bytes]:
        return [await gates.send(number) for number in (1, 2)]

    assert asyncio.run(run()) == [b"\x01", b"\x02"]
    assert gates.gate.batches == [[1], [2]]
    assert held.held == []


def test_those_of_one_turn_go_together_in_order(threads):
    gates = Gates(threads)
    assert asyncio.run(gates.send_all(3, 1, 2)) == [b"\x03", b"\x01", b"\x02"]
    assert gates.gate.batches == [[3, 1, 2]]


def test_those_that_arrive_while_a_batch_is_admitted_go_together_after_it():
    held = Held()
    gates = Gates(held)

    async def run() -> None:
        first = asyncio.ensure_future(gates.send_all(1, 2))
        await turns()
        second = asyncio.ensure_future(gates.send(3))
        await turns()
        third = asyncio.ensure_future(gates.send(4))
        await turns()
        assert len(held.held) == 1
        held.release()
        assert await first == [b"\x01", b"\x02"]
        await turns()
        held.release()
        assert (await second, await third) == (b"\x03", b"\x04")

    asyncio.run(run())
    assert gates.gate.batches == [[1, 2], [3, 4]]


def test_each_client_gets_the_answers_to_its_own(threads):
    gates = Gates(threads)
    gates.gate.refused = {2}

    async def run() -> list[list[bytes | InvalidTransaction]]:
        return await asyncio.gather(gates.send_together(1, 2), gates.send_together(3), gates.send_together(4, 5, 6))

    first, second, third = asyncio.run(run())
    assert (first[0], second, third) == (b"\x01", [b"\x03"], [b"\x04", b"\x05", b"\x06"])
    assert isinstance(first[1], AlreadyKnown)
    assert gates.gate.batches == [[1, 2, 3, 4, 5, 6]]


def test_a_batch_is_bounded_but_takes_whole_requests(threads):
    gates = Gates(threads)
    many = [1] * (BATCH_MAX - 1)

    async def run() -> None:
        await asyncio.gather(*[gates.send_together(*numbers) for numbers in (many, [2], [3, 4], [5] * BATCH_MAX, [6])])
        await gates.send_together(*[7] * (BATCH_MAX + 1))

    asyncio.run(run())
    assert gates.gate.batches == [[*many, 2], [3, 4], [5] * BATCH_MAX, [6], [7] * (BATCH_MAX + 1)]


@pytest.mark.parametrize("numbers", [(1,), (1, 2, 3)])
def test_a_refusal_is_told_to_whom_it_belongs(threads, numbers: tuple[int, ...]):
    gates = Gates(threads)
    gates.gate.refused = {1}
    answers = asyncio.run(gates.send_all(*numbers))
    assert isinstance(answers[0], AlreadyKnown)
    assert answers[1:] == [bytes((number,)) for number in numbers[1:]]


@pytest.mark.parametrize("numbers", [(1,), (1, 2, 3)])
def test_a_sequencer_that_takes_nothing_tells_all_and_is_asked_again(threads, numbers: tuple[int, ...]):
    gates = Gates(threads)

    async def run() -> None:
        gates.gate.error = SequencerStopped("stopped")
        answers = await gates.send_all(*numbers)
        assert [type(answer) for answer in answers] == [SequencerStopped] * len(numbers)
        gates.gate.error = None
        assert await gates.send(9) == b"\x09"

    asyncio.run(run())


def test_one_who_does_not_wait_for_the_answer_disturbs_nobody():
    held = Held()
    gates = Gates(held)

    async def run() -> None:
        gone, stays = asyncio.ensure_future(gates.send(1)), asyncio.ensure_future(gates.send(2))
        await turns()
        gone.cancel()
        await turns()
        held.release()
        assert await stays == b"\x02"
        assert await gates.send(3) == b"\x03"

    asyncio.run(run())
    assert gates.gate.batches == [[1, 2], [3]]


def test_threads_that_are_stopped_end_the_waiting():
    held = Held()
    gates = Gates(held)

    async def run() -> None:
        sent = asyncio.ensure_future(gates.send_all(1, 2))
        await turns()
        held.held[0][0].cancel()
        assert [type(answer) for answer in await sent] == [asyncio.CancelledError] * 2

    asyncio.run(run())
