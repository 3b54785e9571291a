"""
Two hundred contracts that are called as the contracts of a chain are: few of them very often.

Each has code of its own, 0.3 to 8 KB: a dispatcher and functions (`mixed_functions.py`) drawn at random, with constants
drawn at random. Which contract a transaction calls follows the law of Zipf: the first 20 get 84 % of all calls.
Everything comes from one seed.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.assembly import assemble
from bench.mixed_functions import COUNTER, FORWARD, KINDS, SUBROUTINES, TRANSFER
from primitives.keccak import keccak256

CONTRACTS_COUNT: Final = 200
HOT_COUNT: Final = 20
ZIPF_EXPONENT: Final = 1.4
FIRST_FUNCTION_SHARE: Final = 0.7  # Of the calls of a contract; each of the others is as likely as the next.
SIZE_BYTES_MIN, SIZE_BYTES_MAX = 300, 8_000
FUNCTIONS_COUNT_MAX: Final = 255
SUPPLY: Final = 10**30
AMOUNT_MAX: Final = 10**6
assert KINDS[0] == TRANSFER, "the hottest contract is a token, as on most chains"


@dataclass(frozen=True)
class Function:
    """One of a contract: what calls it, where it counts or keeps what it found."""

    kind: str
    selector: int
    slot: int
    step: int


@dataclass(frozen=True)
class Contract:
    """Its code, and its functions; the first is what it is for."""

    address: bytes
    code: bytes
    functions: tuple[Function, ...]


@dataclass(frozen=True)
class MixedCall:
    """What a transaction calls."""

    contract: Contract
    function: Function
    data: bytes


def mixed_contracts(count: int = CONTRACTS_COUNT) -> list[Contract]:
    """Contracts, the hottest first; they are of all kinds in turn."""
    source = random.Random(200)
    token = _contract(0, source, None)
    return [token, *(_contract(index, source, token) for index in range(1, count))]


def mixed_calls(contracts: list[Contract], count: int, receivers: list[bytes]) -> Iterator[MixedCall]:
    """So many calls, each with one of the receivers and a small amount."""
    source = random.Random(count)
    weights = [(rank + 1) ** -ZIPF_EXPONENT for rank in range(len(contracts))]
    for contract in source.choices(contracts, weights, k=count):
        first, *others = contract.functions
        function = source.choice(others) if others and source.random() > FIRST_FUNCTION_SHARE else first
        words = int.from_bytes(source.choice(receivers), "big"), source.randrange(1, AMOUNT_MAX)
        data = function.selector.to_bytes(4, "big") + b"".join(word.to_bytes(32, "big") for word in words)
        yield MixedCall(contract, function, data)


def counted(calls: list[MixedCall]) -> dict[tuple[bytes, int], int]:
    """What the slots of the counters hold after the calls, by address and slot."""
    found: Counter[tuple[bytes, int]] = Counter()
    for call in calls:
        if call.function.kind == COUNTER:
            found[call.contract.address, call.function.slot] += call.function.step
    return dict(found)


def _contract(index: int, source: random.Random, token: Contract | None) -> Contract:
    size_wanted = round(SIZE_BYTES_MIN * (SIZE_BYTES_MAX / SIZE_BYTES_MIN) ** source.random())
    kinds = [kind for kind in KINDS if token is not None or kind != FORWARD]
    functions: list[Function] = []
    texts: list[str] = []
    code = b""
    while len(code) < size_wanted and len(functions) < FUNCTIONS_COUNT_MAX:
        number = len(functions)
        kind = KINDS[index % len(KINDS)] if number == 0 else source.choice(kinds)
        digest = keccak256(b"function %d of contract %d" % (number, index))
        function = Function(kind, int.from_bytes(digest[:4], "big"), number, source.randrange(1, 1 << 20))
        functions.append(function)
        texts.append(_text(function, source, token))
        code = assemble(_dispatcher(functions) + "".join(texts) + SUBROUTINES)
    return Contract(keccak256(b"contract %d of the mixed block" % index)[12:], code, tuple(functions))


def _dispatcher(functions: list[Function]) -> str:
    tests = "".join(f"DUP1 {each.selector} EQ @function{each.slot} JUMPI\n" for each in functions)
    return f"0 CALLDATALOAD 224 SHR\n{tests}@overflow JUMP\n"


def _text(function: Function, source: random.Random, token: Contract | None) -> str:
    program = bytes(source.choices(range(1, 5), (4, 3, 3, 1), k=source.randrange(32, 256))) + b"\0"
    constants = {
        "slot": function.slot,
        "step": function.step,
        "word": source.getrandbits(255) | 1 | 1 << 255,
        "supply": SUPPLY + source.randrange(SUPPLY),
        "reserves": source.randrange(10**15, 10**18) << 112 | source.randrange(10**15, 10**18),
        "fee": source.randrange(970, 1_000),
        "turns": source.randrange(30, 200),
        "exponent": source.getrandbits(96) | 1,
        "depth": source.randrange(8, 24),
        "items": source.randrange(12, 32),
        "program": program.hex(),
        "program_size": len(program),
    }
    if token is not None:
        constants |= {"target": int.from_bytes(token.address, "big"), "selector": token.functions[0].selector}
    text = function.kind.format(**constants)
    return f"function{function.slot}: POP\n" + re.sub(r"(?<![\w.])(@?)\.(\w)", rf"\1function{function.slot}.\2", text)
