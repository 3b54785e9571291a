"""
Why compiled code stops a frame, as numbers; `native_halts.py` has the words.

Positive numbers end the frame. Negative ones are not about the frame: the tables are full (statuses of
`statestore.table`, from -1), or one of those below, from -100.
"""

from typing import Final

RUNNING: Final = 0
FINISHED: Final = 1  # STOP, RETURN, SELFDESTRUCT: what the frame did holds
REVERTED: Final = 2  # what it did is undone, what gas is left goes back
# From here on what it did is undone, and all its gas is gone.
OUT_OF_GAS: Final = 3
STACK_UNDERFLOW: Final = 4
STACK_OVERFLOW: Final = 5
INVALID_OPCODE: Final = 6
INVALID_JUMP: Final = 7
WRITE_PROTECTION: Final = 8
RETURN_DATA_OUT_OF_BOUNDS: Final = 9
CODE_TOO_LARGE: Final = 10
CODE_RESERVED: Final = 11
CODE_DEPOSIT_OUT_OF_GAS: Final = 12
INIT_CODE_TOO_LARGE: Final = 13
COLLISION: Final = 14
PRECOMPILE_FAILED: Final = 15

SUSPENDED: Final = -100  # Python is to run a precompiled contract, and then the frame goes on.
UNSUPPORTED: Final = -101  # The transaction needs more memory than there is: the reference engine's.
BLOCK_HASHES_NEEDED: Final = -102  # Once they are loaded, the transaction starts again.
ARENA_FULL: Final = -103  # Logs or outputs of the batch: once they are taken, the transaction starts again.
REFUSED: Final = -104  # The transaction may not enter the block.
COMPILATION_WANTED: Final = -106  # Of the running code, which is hot; then the frame goes on.
REPEATED_OTHERWISE: Final = -107  # The one before, repeated without machine code, left something else, which holds.
STEPPED: Final = -105  # As many instructions as were asked for have been executed.
