"""
Compiled code as Python calls it: C functions by address, which run without Python's lock.

Compiled once, or loaded from the disk cache if no source changed.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from evm_jit.batch import execute_batch
from evm_jit.precompiles.native import precompile_functions
from evm_jit.receipts import encode_receipts
from primitives.compiled_calls import INT, compile_call


def execute(machine, transactions, results, count, resumed):
    """`batch.execute_batch`."""
    return execute_batch(machine, transactions, results, count, resumed)


def encode(transactions, results, first, end, count, target):
    """`receipts.encode_receipts`."""
    return encode_receipts(transactions, results, first, end, count, target)


class Calls(NamedTuple):
    """The functions, compiled."""

    execute_batch: Callable[..., int]
    encode_receipts: Callable[..., int]


@cache
def execute_call() -> Callable[..., int]:
    """The one that takes longest to compile."""
    return compile_call(execute, *[INT] * 5)


@cache
def encode_call() -> Callable[..., int]:
    """The one for receipts."""
    return compile_call(encode, *[INT] * 6)


@cache
def compile_calls() -> Calls:
    """All of them, and the precompiled contracts that they call by address."""
    precompile_functions()
    return Calls(execute_call(), encode_call())
