"""What a transaction touched, as sets and dictionaries that are copied whole: the twin of access_list and transient."""

from copy import deepcopy
from dataclasses import dataclass, field

Slot = tuple[bytes, int]


@dataclass
class NaiveTouched:
    warm: set[bytes] = field(default_factory=set)
    created: set[bytes] = field(default_factory=set)
    destroyed: set[bytes] = field(default_factory=set)
    touched: set[bytes] = field(default_factory=set)
    warm_slots: dict[Slot, int] = field(default_factory=dict)  # with their values when the transaction began
    transient: dict[Slot, int] = field(default_factory=dict)

    def copy(self) -> "NaiveTouched":
        return deepcopy(self)
