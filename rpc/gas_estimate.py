"""
eth_estimateGas: the smallest gas limit that lets a transaction succeed, within 1.5 %, and never too little.

The search is geth's (`eth/gasestimator`): one run at the highest limit says whether it can succeed at all and what
it uses; a second one slightly above that is enough for most; the rest is bisection.
"""

from collections.abc import Callable
from typing import Final

from evm_jit.engine import CallResult
from primitives.errors import FloorGasTooLow, IntrinsicGasTooLow
from primitives.intrinsic_gas import GAS_TRANSACTION
from rpc.errors import ServerError
from rpc.reverts import error_of_halt

CALL_STIPEND: Final = 2_300
ERROR_RATIO_PER_MILLE: Final = 15
OUT_OF_GAS_HALTS: Final = ("out of gas", "contract creation code storage out of gas", "gas uint64 overflow")

# A run at a gas limit; it raises InvalidTransaction when the transaction may not run at all.
Run = Callable[[int], CallResult]


def estimate_gas(run: Run, highest: int, *, is_transfer: bool) -> int:
    """
    The estimate, in gas.

    `highest` is the limit that must not be exceeded; `is_transfer` says that nothing but the transfer of a value can
    happen. Raises what the transaction itself fails with, and ServerError if `highest` is too little.
    """
    if is_transfer and highest >= GAS_TRANSACTION and _succeeds(run, GAS_TRANSACTION):
        return GAS_TRANSACTION
    at_highest = _attempt(run, highest)
    if at_highest is None or at_highest.halt in OUT_OF_GAS_HALTS:
        raise ServerError(f"gas required exceeds allowance ({highest})")
    if at_highest.halt is not None:
        raise error_of_halt(at_highest.halt, at_highest.output)
    too_little, enough = at_highest.gas_used - 1, highest
    likely = (at_highest.gas_used + CALL_STIPEND) * 64 // 63
    if likely < enough:
        if _succeeds(run, likely):
            enough = likely
        else:
            too_little = likely
    while too_little + 1 < enough and (enough - too_little) * 1_000 >= enough * ERROR_RATIO_PER_MILLE:
        # Most transactions need little more than they use, so do not begin in the middle of a wide range.
        middle = min((too_little + enough) // 2, 2 * too_little)
        if _succeeds(run, middle):
            enough = middle
        else:
            too_little = middle
    return enough


def _attempt(run: Run, gas: int) -> CallResult | None:
    """None if the limit does not even cover what a transaction costs before it runs."""
    try:
        return run(gas)
    except (IntrinsicGasTooLow, FloorGasTooLow):
        return None


def _succeeds(run: Run, gas: int) -> bool:
    result = _attempt(run, gas)
    return result is not None and result.halt is None
