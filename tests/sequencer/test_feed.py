import logging

import pytest

from primitives.errors import MempoolFull
from primitives.events import Event, TransactionRefused
from sequencer.feed import LISTENERS_MAX, Feed

EVENT = TransactionRefused(bytes(32), MempoolFull())


def test_listeners_hear_events_until_they_leave():
    feed = Feed()
    first: list[Event] = []
    second: list[Event] = []
    leave = feed.subscribe(first.append)
    feed.subscribe(second.append)
    feed.publish(EVENT)
    leave()
    leave()
    feed.publish(EVENT)
    assert (len(first), len(second)) == (1, 2)


def test_a_listener_that_raises_is_dropped_and_the_others_still_hear(caplog):
    feed = Feed()
    heard: list[Event] = []
    calls: list[Event] = []

    def broken(event: Event) -> None:
        calls.append(event)
        raise ValueError("no room")

    feed.subscribe(broken)
    feed.subscribe(heard.append)
    with caplog.at_level(logging.ERROR):
        feed.publish(EVENT)
        feed.publish(EVENT)
    assert (len(calls), len(heard)) == (1, 2)
    assert [record.message for record in caplog.records] == ["a listener failed at TransactionRefused and is dropped"]


def test_a_listener_may_leave_while_it_hears():
    feed = Feed()
    heard: list[Event] = []

    def once(event: Event) -> None:
        heard.append(event)
        leave()

    leave = feed.subscribe(once)
    feed.publish(EVENT)
    feed.publish(EVENT)
    assert heard == [EVENT]


def test_the_number_of_listeners_is_bounded():
    feed = Feed()
    for _ in range(LISTENERS_MAX):
        feed.subscribe(lambda event: None)
    with pytest.raises(AssertionError):
        feed.subscribe(lambda event: None)
