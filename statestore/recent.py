"""What was read lately, so that it is not read and decoded again."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """
    The most recently used values, `weight_max` together (one may weigh more and is then alone).

    Any thread may use it.
    """

    def __init__(self, weight_max: int) -> None:
        self._weight_max = weight_max
        self._weight = 0
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """The value, if it is still here."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: Key, value: Value, weight: int) -> None:
        """Keep a value; those unused for longest make room."""
        with self._lock:
            replaced = self._entries.pop(key, None)
            self._weight += weight - (0 if replaced is None else replaced[1])
            self._entries[key] = (value, weight)
            while self._weight > self._weight_max and len(self._entries) > 1:
                self._weight -= self._entries.popitem(last=False)[1][1]
