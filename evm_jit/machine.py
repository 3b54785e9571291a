"""
The machine that native code runs on: one record with everything that a transaction needs, the frames, the arenas.

Kernels get a machine as its address. A frame's words lie on one stack that all frames share, each frame's above those
of its caller; so do the frames' memories. So a frame's calldata is a part of its caller's memory, which can't move
while the frame runs, and nothing is allocated for a call. Arenas are reserved, not filled: memory that is never touched
costs nothing, and what a transaction needs beyond an arena makes it the reference engine's.
"""

import mmap
import os
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from evm_jit.gas import CALL_DEPTH_MAX, STACK_ITEMS_MAX
from primitives.keccak import keccak256
from primitives.records import record_at, row_of

WORD_SIZE_BYTES: Final = 32
FRAME_COUNT_MAX: Final = CALL_DEPTH_MAX + 2  # The outermost one, those below it, and room for one that can't be.
# Below the first word: compiled code may load words before it looks how many there are.
STACK_GUARD_SIZE_BYTES: Final = 64 * WORD_SIZE_BYTES
STACK_SIZE_BYTES: Final = STACK_GUARD_SIZE_BYTES + FRAME_COUNT_MAX * STACK_ITEMS_MAX * WORD_SIZE_BYTES
MEMORY_SIZE_BYTES: Final = 1 << 32  # Reserved. 2^24 gas buy less than 3 MB in one frame, 180 MB in all of 1,024.
RETURN_DATA_SIZE_BYTES: Final = 1 << 31
LOGS_SIZE_BYTES: Final = 1 << 28
OUTPUTS_SIZE_BYTES: Final = 1 << 28
THREADED_SIZE_BYTES: Final = 1 << 28
THREADED_ENTRY_COUNT: Final = 4_096
# When threaded code is made of a code. Tests, whose programs run once, have it made at once.
NEVER, WHEN_HOT, AT_ONCE = range(3)
TRANSLATES: Final = AT_ONCE if os.environ.get("LEVERET_TRANSLATE") == "at once" else WHEN_HOT
BLOCK_HASH_COUNT: Final = 256
MEMO_COUNT: Final = 4_096
SLOT_MEMO_COUNT: Final = 256
SHORT_MEMO_COUNT: Final = 1_024
INVALID: Final = 0xFE  # What the interpreter branches on for every number that no opcode of the fork has.
WORD = (np.uint64, 4)
ADDRESS = (np.uint64, 3)


# What a record of a transaction is to be executed as; the last two are calls that nobody signed (`engine.Call`).
TRANSACTION, CALL, FRAME_ONLY = range(3)

FRAME = np.dtype(
    [
        ("pc", np.int64),  # address of the next opcode
        ("gas_left", np.int64),
        ("top", np.int64),  # address behind the topmost word of the stack
        ("stack", np.int64),  # address of the first word
        ("memory", np.int64),
        ("memory_size", np.int64),  # a multiple of 32
        ("code", np.int64),
        ("code_size", np.int64),
        ("jump_destinations", np.int64),  # bitmap
        ("data", np.int64),  # calldata
        ("data_size", np.int64),
        ("account", np.int64),  # row of the account whose storage and balance these are
        ("depth", np.int64),
        ("is_static", np.int64),
        ("is_creation", np.int64),
        ("return_offset", np.int64),  # in the caller's memory
        ("return_size", np.int64),
        ("snapshot", np.int64),  # of the journal, before the frame
        ("log_top", np.int64),  # of the log arena, before the frame
        ("refund", np.int64),  # of the transaction, before the frame
        ("address", *ADDRESS),
        ("caller", *ADDRESS),
        ("value", *WORD),
        ("compiled", np.int64),  # address of the machine code of its code, 0 if there is none
        ("code_row", np.int64),  # of its code, -1 for init code
        ("threaded", np.int64),  # its threaded code, 0 for none
        ("entry", np.int64),  # THREADED_ENTRY of its code, 0 for none
        ("gas_start", np.int64),  # what it began with, less what frames that it opened have used
        ("gas_counted", np.int64),  # of what it used itself, how much is in the heat of its code already
        ("look", np.int64),  # threaded code looks for machine code at the block that would leave less gas
    ]
)
LOG = np.dtype([("address", *ADDRESS), ("topic_count", np.int64), ("data_size", np.int64), ("size", np.int64)])
MEMO = np.dtype([("upper", *WORD), ("lower", *WORD), ("digest", *WORD)])
# What is known of a code; the machine has one place for all whose hashes end alike. See threaded_cache.py.
THREADED_ENTRY = np.dtype(
    [
        ("hash", *WORD),
        ("fork", np.int64),
        ("heat", np.int64),
        ("code", np.int64),  # address, 0 while there is none
        ("reserved", np.int64),
    ]
)
SHORT_MEMO = np.dtype(
    [
        *((name, *WORD) for name in ("first", "second", "third", "fourth", "digest")),
        ("size", np.int64),
        ("reserved", np.uint64, 3),
    ]
)
SLOT_MEMO = np.dtype(
    [("key", *WORD), ("account", np.int64), ("row", np.int64), ("epoch", np.int64), ("reserved", np.int64)]
)
MACHINE = np.dtype(
    [
        ("tables", np.int64),
        ("opcodes", np.int64),  # int64[256], see opcodes.py
        ("frame", np.int64),  # address of the running frame
        ("frames", np.int64),
        ("stack", np.int64),
        ("memory", np.int64),
        ("memory_end", np.int64),
        ("return_data", np.int64),  # of the last call, as RETURNDATACOPY sees it
        ("return_data_size", np.int64),
        ("return_data_end", np.int64),
        ("logs", np.int64),
        ("log_top", np.int64),
        ("logs_end", np.int64),
        ("outputs", np.int64),
        ("output_top", np.int64),
        ("outputs_end", np.int64),
        ("memo", np.int64),  # MEMO[MEMO_COUNT]
        ("slot_memo", np.int64),  # SLOT_MEMO[SLOT_MEMO_COUNT]
        ("slots_epoch", np.int64),  # in which the entries of the slot memo are true: of one state, in one set of tables
        ("tiers", np.int64),  # TIER for each row of the codes
        ("repeats", np.int64),  # whether the running transaction is to be repeated without machine code
        ("repeating", np.int64),  # whether this is the repetition; then, what there was at first: see repetition.py
        ("repetitions", np.int64),  # that ever began
        ("first_halt", np.int64),
        ("first_gas_used", np.int64),
        ("first_writes", np.uint64),  # a hash, as those of
        ("first_logs", *WORD),
        ("first_output", *WORD),
        ("heat_max", np.int64),  # of a code without machine code; below 0 every code is to have some
        ("short_memo", np.int64),  # SHORT_MEMO[SHORT_MEMO_COUNT]
        ("pair_mixtures", np.int64),  # int64[MEMO_COUNT], see instructions/keccak.py
        ("short_mixtures", np.int64),  # int64[SHORT_MEMO_COUNT], see instructions/keccak.py
        ("block_hashes", np.int64),  # uint64[256, 4]: of block number i at i mod 256
        ("block_hashes_number", np.int64),  # of the block that they were loaded for
        ("libsecp256k1", np.int64),
        ("threaded_opcodes", np.int64),  # int64[256, 2], see threaded_opcodes.py
        ("fusions", np.int64),  # int64[n, 128], see threaded_opcodes.py
        ("threaded_entries", np.int64),  # THREADED_ENTRY[THREADED_ENTRY_COUNT]
        ("threaded", np.int64),  # the arena
        ("threaded_top", np.int64),
        ("threaded_end", np.int64),
        ("threaded_is_full", np.int64),
        ("translates", np.int64),
        ("halt", np.int64),  # why the frame stops, while it does: see halt_codes.py
        ("halt_opcode", np.int64),  # more about it
        ("halt_height", np.int64),
        ("halt_needed", np.int64),
        ("output", np.int64),  # of the outermost frame
        ("output_size", np.int64),
        ("refund", np.int64),
        ("blob_hashes", np.int64),
        ("blob_hash_count", np.int64),
        ("mode", np.int64),  # TRANSACTION, CALL or FRAME_ONLY
        ("next", np.int64),  # of the transactions of the batch
        ("gas_used", np.int64),  # by the block so far
        ("intrinsic_gas", np.int64),  # of the transaction
        ("floor_gas", np.int64),  # of the transaction (EIP-7623)
        ("log_start", np.int64),  # where its logs begin
        ("coinbase_account", np.int64),  # row
        ("input", np.int64),  # of the precompiled contract that Python is to run
        ("input_size", np.int64),
        ("contract", np.int64),  # its number
        ("fork", np.int64),
        ("number", np.int64),
        ("timestamp", np.uint64),
        ("steps", np.int64),  # how many instructions the stepping interpreter is to execute
        ("gas_charged", np.int64),  # the gas left of the frame once its last instruction was charged, for traces
        ("last_halt", np.int64),  # why the last frame that ended did, for traces
        ("origin", *ADDRESS),
        ("coinbase", *ADDRESS),
        ("gas_price", *WORD),
        ("gas_limit", *WORD),  # of the block
        ("base_fee", *WORD),
        ("blob_base_fee", *WORD),
        ("prev_randao", *WORD),
        ("chain_id", *WORD),
    ]
)
RESULT = np.dtype(  # What a transaction left behind.
    [
        ("halt", np.int64),
        ("gas_used", np.int64),
        ("cumulative_gas_used", np.int64),
        ("gas_price", *WORD),
        ("logs", np.int64),  # address of the first
        ("logs_end", np.int64),
        ("output", np.int64),
        ("output_size", np.int64),
        ("receipt", np.int64),  # address of its encoding
        ("receipt_size", np.int64),
        ("bloom", np.int64),  # address, in the receipt
        ("halt_opcode", np.int64),
        ("halt_height", np.int64),
        ("halt_needed", np.int64),
    ]
)
TIER = np.dtype(  # Of a code.
    [
        ("entry", np.int64),  # address of its machine code, 0 if there is none
        ("heat", np.int64),  # gas that frames of it have used themselves
        ("runs_left", np.int64),  # of its machine code, until one is to be repeated, with that; below 1: none ever is
        ("first_left", np.int64),  # of the runs of its machine code that are all repeated
        ("repetition", np.int64),  # the last one in which a frame of it ran
    ]
)
FRAME_SIZE_BYTES: Final = FRAME.itemsize
LOG_SIZE_BYTES: Final = LOG.itemsize
MEMO_SIZE_BYTES: Final = MEMO.itemsize
SLOT_MEMO_SIZE_BYTES: Final = SLOT_MEMO.itemsize
TIER_SIZE_BYTES: Final = TIER.itemsize
SHORT_MEMO_SIZE_BYTES: Final = SHORT_MEMO.itemsize
THREADED_ENTRY_SIZE_BYTES: Final = THREADED_ENTRY.itemsize

as_machine, as_frame, as_log = record_at(MACHINE), record_at(FRAME), record_at(LOG)
as_memo, as_slot_memo, as_tier = record_at(MEMO), record_at(SLOT_MEMO), record_at(TIER)
result_row = row_of(RESULT)
as_short_memo, as_threaded_entry = record_at(SHORT_MEMO), record_at(THREADED_ENTRY)


def reserve(size_bytes: int) -> mmap.mmap:
    """Zeros that take memory only where they are touched."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    return mmap.mmap(-1, size_bytes, flags=flags)


def as_limbs(numbers: bytes, size_bytes: int) -> npt.NDArray[np.uint64]:
    """Numbers of `size_bytes` each, most significant byte first, as rows of limbs, least significant first."""
    octets = np.frombuffer(numbers, np.uint8).reshape(-1, size_bytes)[:, ::-1]
    limb_count = (size_bytes + 7) // 8
    padded = np.zeros((len(octets), 8 * limb_count), np.uint8)
    padded[:, :size_bytes] = octets
    return padded.view(np.uint64)


class Machine:
    """A machine and its arenas; one thread runs on it at a time."""

    def __init__(self) -> None:
        self.record = np.zeros(1, MACHINE)
        self.address: int = self.record.ctypes.data
        self._kept: list[Any] = []
        self._memo = np.zeros(MEMO_COUNT, MEMO)
        self["memo"] = self._memo.ctypes.data
        self["slot_memo"] = self._keep(np.zeros(SLOT_MEMO_COUNT, SLOT_MEMO))
        for name, size_bytes in (
            ("frames", FRAME_COUNT_MAX * FRAME_SIZE_BYTES),
            ("stack", STACK_SIZE_BYTES),
            ("memory", MEMORY_SIZE_BYTES),
            ("return_data", RETURN_DATA_SIZE_BYTES),
            ("logs", LOGS_SIZE_BYTES),
            ("outputs", OUTPUTS_SIZE_BYTES),
            ("threaded", THREADED_SIZE_BYTES),
            ("short_memo", SHORT_MEMO_COUNT * SHORT_MEMO_SIZE_BYTES),
            ("pair_mixtures", MEMO_COUNT * 8),
            ("short_mixtures", SHORT_MEMO_COUNT * 8),
            ("threaded_entries", THREADED_ENTRY_COUNT * THREADED_ENTRY_SIZE_BYTES),
        ):
            self[name] = self._keep(np.frombuffer(reserve(size_bytes), np.uint8))
            if f"{name}_end" in (MACHINE.names or ()):
                self[f"{name}_end"] = self[name] + size_bytes
        self["stack"] += STACK_GUARD_SIZE_BYTES
        self["threaded_top"] = self["threaded"]
        self.block_hashes = np.zeros((BLOCK_HASH_COUNT, 4), np.uint64)
        self["block_hashes"] = self.block_hashes.ctypes.data
        # An empty entry would claim that the digest of 64 zero bytes is 0.
        self._memo["digest"] = as_limbs(keccak256(bytes(64)), 32)

    def __getitem__(self, name: str) -> int:
        """A field that is one number."""
        return int(self.record[name][0])

    def __setitem__(self, name: str, value: int) -> None:
        """Write a field that is one number."""
        self.record[name] = value

    def set_word(self, name: str, value: int) -> None:
        """Write a field of several limbs."""
        field = self.record[name]
        field[0] = np.frombuffer(value.to_bytes(8 * field.shape[1], "little"), np.uint64)

    def _keep(self, array: npt.NDArray[Any]) -> int:
        """The address of an array that lives as long as the machine."""
        self._kept.append(array)
        address: int = array.ctypes.data
        return address
