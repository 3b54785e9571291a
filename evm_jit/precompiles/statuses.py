"""What the kernels of precompiled contracts return where a size, or gas, does not fit."""

from typing import Final

# The call fails and takes all its gas; if this is its gas, it fails however much it has.
FAILED: Final = -1
# The contract has to be run by Python: see `native.PYTHON_CONTRACTS`.
IN_PYTHON: Final = -2

GAS_MAX: Final = 2**62  # Nobody has so much.
SIZE_BYTES_MAX: Final = 2**61  # Nobody can pay for so much; sums of sizes fit an int64.
