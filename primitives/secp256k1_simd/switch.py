"""
Whether signatures are recovered in the lanes of vectors, and what a thread needs for it.

They are where the processor can, once the code has been loaded and has recovered some signatures right. One answer in a
thousand is compared with libsecp256k1's. If one is not the same, a thread that sees it gets all its answers from
libsecp256k1, the lanes are switched off in this process for good, and the log tells.
"""

import hashlib
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, c_int64, c_void_p
from typing import Final

import numpy as np
from coincurve import PrivateKey

from primitives.secp256k1_simd.kernels import WORKSPACE
from primitives.secp256k1_simd.machine_code import MachineCode, aligned, is_supported, load
from primitives.secp256k1_simd.work_area import SIGNATURES_IN_UNIT, work_area_size
from primitives.signature_record import SIGNATURE, VALID

CHECK_INTERVAL: Final = 1_000
UNITS_MAX: Final = 32  # In one call of the machine code, 512 signatures: inversions cost little then.
NO_WORKSPACE: Final = 0
log = logging.getLogger(__name__)


class Switch:
    """
    On or off, and why. Threads may share it.

    reason : why the lanes are off, empty while they are on or nobody has asked
    mismatch_count : answers that were wrong
    """

    def __init__(self) -> None:
        self.reason = ""
        self.mismatch_count = 0
        self._code: MachineCode | None = None
        self._lock = threading.Lock()
        self._own = threading.local()

    def is_on(self) -> bool:
        """Whether the lanes are used; compiles or loads the code if that was not done yet."""
        if self._code is None and not self.reason:
            with self._lock:
                if self._code is None and not self.reason:
                    self._load()
        return not self.reason

    @contextmanager
    def workspace(self) -> Iterator[int]:
        """The address of this thread's WORKSPACE for one call; NO_WORKSPACE if the lanes are off."""
        if not self.is_on():
            yield NO_WORKSPACE
            return
        own = self._own.__dict__
        if "record" not in own:
            own.update(self._new_workspace())
        yield own["record"].ctypes.data
        self._note(int(own["record"]["mismatch_count"][0]))

    def switch_off(self, reason: str) -> None:
        """For good."""
        self.reason = reason
        log.error("Signatures are recovered one by one from now on, by libsecp256k1: %s.", reason)

    def _note(self, mismatch_count: int) -> None:
        if mismatch_count and not self.reason:
            self.mismatch_count += mismatch_count
            self.switch_off("an answer of the vector code was not libsecp256k1's, which was used instead")

    def _load(self) -> None:
        if not is_supported():
            self.reason = "this processor has no AVX-512 IFMA"
            log.info("Signatures are recovered by libsecp256k1: %s.", self.reason)
            return
        code = load()
        if recovers_right(code):
            self._code = code
        else:
            self.switch_off("the vector code did not recover what was signed to try it")

    def _new_workspace(self) -> dict[str, object]:
        """A thread's own; its arrays live as long as the thread."""
        assert self._code is not None
        work, places = aligned(work_area_size(UNITS_MAX)), aligned(8 * UNITS_MAX * SIGNATURES_IN_UNIT)
        record = np.zeros(1, WORKSPACE)
        seed = int.from_bytes(os.urandom(8), "little")
        record["lift"], record["recover"] = self._code.lift, self._code.recover
        record["comb"] = self._code.comb.ctypes.data
        record["work"], record["places"], record["unit_count_max"] = work.ctypes.data, places.ctypes.data, UNITS_MAX
        record["random"], record["unchecked"] = seed | 1, seed % CHECK_INTERVAL
        record["check_interval"] = CHECK_INTERVAL
        return {"record": record, "work": work, "places": places}


def recovers_right(code: MachineCode) -> bool:
    """Whether a unit of signatures has the keys that signed them."""
    keys = [PrivateKey.from_int(number) for number in range(1, SIGNATURES_IN_UNIT + 1)]
    records, work = np.zeros(len(keys), SIGNATURE), aligned(work_area_size(1))
    for record, key in zip(records, keys, strict=True):
        digest = hashlib.sha256(key.secret).digest()
        signature = key.sign_recoverable(digest, hasher=None)
        record["digest"] = np.frombuffer(digest, np.uint8)
        record["numbers"] = np.frombuffer(signature[:64], np.uint8)
        record["y_parity"] = signature[64]
    places = records.ctypes.data + SIGNATURE.itemsize * np.arange(len(keys), dtype=np.int64)
    lift = CFUNCTYPE(c_int64, c_void_p, c_int64, c_void_p)(code.lift)
    recover = CFUNCTYPE(c_int64, c_void_p, c_int64, c_void_p, c_void_p)(code.recover)
    lift(places.ctypes.data, 1, work.ctypes.data)
    recover(places.ctypes.data, 1, code.comb.ctypes.data, work.ctypes.data)
    points = b"".join(key.public_key.format(compressed=False)[1:] for key in keys)
    return bool((records["is_valid"] == VALID).all()) and records["key"][:, 1:].tobytes() == points


LANES: Final = Switch()


def after_fork() -> None:
    """The child has this thread's workspace alone, and a lock that nobody holds."""
    LANES._lock = threading.Lock()


os.register_at_fork(after_in_child=after_fork)
