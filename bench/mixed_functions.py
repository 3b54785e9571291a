"""
What the contracts of the mixed block do: functions as assembly, written as a compiler of Solidity would.

A function begins with its selector on the stack, and takes two words of calldata: an address, and a number. Names in
braces are constants, others in each contract; a name that begins with a dot is one of the function alone. Arithmetic is
checked, by subroutines that take where to go on below their operands.
"""

from typing import Final

SUBROUTINES: Final = """
checked_add:                ; return x y
    DUP2 ADD SWAP1 DUP2 LT @overflow JUMPI
    SWAP1 JUMP
checked_sub:                ; return x y
    DUP2 DUP2 GT @overflow JUMPI
    SWAP1 SUB SWAP1 JUMP
checked_mul:                ; return x y
    DUP1 ISZERO @zero_product JUMPI
    DUP2 DUP2 MUL DUP2 DUP2 DIV DUP4 EQ ISZERO @overflow JUMPI
    SWAP2 POP POP SWAP1 JUMP
zero_product:
    MUL SWAP1 JUMP
mapping_slot:               ; return key slot
    32 MSTORE 0 MSTORE 64 0 KECCAK256 SWAP1 JUMP
overflow:
    0 0 REVERT
"""

TRANSFER: Final = """
    @.key CALLER {slot} @mapping_slot JUMP
.key:
    DUP1 SLOAD DUP1 @.funded JUMPI
    POP {supply}            ; who has nothing has so much
.funded:                    ; key balance
    @.left SWAP1 36 CALLDATALOAD @checked_sub JUMP
.left:
    SWAP1 SSTORE
    @.to 4 CALLDATALOAD {slot} @mapping_slot JUMP
.to:
    @.sum DUP2 SLOAD 36 CALLDATALOAD @checked_add JUMP
.sum:
    SWAP1 SSTORE
    36 CALLDATALOAD 0 MSTORE
    4 CALLDATALOAD CALLER {word} 32 0 LOG3
    1 0 MSTORE 32 0 RETURN
"""

APPROVAL: Final = """
    @.owner CALLER {slot} @mapping_slot JUMP
.owner:
    @.spender SWAP1 4 CALLDATALOAD SWAP1 @mapping_slot JUMP
.spender:
    36 CALLDATALOAD SWAP1 SSTORE
    36 CALLDATALOAD 0 MSTORE
    4 CALLDATALOAD CALLER {word} 32 0 LOG3
    1 0 MSTORE 32 0 RETURN
"""

POOL_SWAP: Final = """
    {slot} SLOAD DUP1 @.filled JUMPI
    POP {reserves}
.filled:                    ; two reserves of 112 bits
    DUP1 0xffffffffffffffffffffffffffff AND SWAP1 112 SHR
    @.fee 36 CALLDATALOAD {fee} @checked_mul JUMP
.fee:                       ; reserve_in reserve_out paid
    @.numerator DUP2 DUP4 @checked_mul JUMP
.numerator:
    @.scaled DUP5 1000 @checked_mul JUMP
.scaled:
    @.denominator SWAP1 DUP4 @checked_add JUMP
.denominator:
    SWAP1 DIV SWAP1 POP     ; reserve_in reserve_out bought
    @.less SWAP2 SWAP1 @checked_sub JUMP
.less:
    SWAP1 @.more SWAP1 36 CALLDATALOAD @checked_add JUMP
.more:                      ; reserve_out reserve_in
    DUP1 112 SHR @overflow JUMPI
    SWAP1 112 SHL OR {slot} SSTORE
    {word} 0 0 LOG1 STOP
"""

COUNTER: Final = """
    @.sum {slot} SLOAD {step} @checked_add JUMP
.sum:
    DUP1 {slot} SSTORE 0 MSTORE 32 0 RETURN
"""

FORWARD: Final = """
    {selector} 224 SHL 0 MSTORE
    64 4 4 CALLDATACOPY
    32 0 68 0 0 {target} GAS CALL
    ISZERO @overflow JUMPI
    32 0 RETURN
"""

CHECKED_LOOP: Final = """
    36 CALLDATALOAD 0       ; total index
.again:
    {turns} DUP2 LT ISZERO @.done JUMPI
    @.added DUP3 @.product DUP4 {step} @checked_mul JUMP
.product:
    @checked_add JUMP
.added:
    SWAP2 POP 1 ADD @.again JUMP
.done:
    POP {slot} SSTORE STOP
"""

SMALL_MACHINE: Final = """
    {program_size} @.program 0 CODECOPY
    36 CALLDATALOAD 0       ; accumulator position
.next:
    DUP1 MLOAD 248 SHR
    DUP1 1 EQ @.add JUMPI
    DUP1 2 EQ @.multiply JUMPI
    DUP1 3 EQ @.shift JUMPI
    DUP1 4 EQ @.hash JUMPI
    POP POP {slot} SSTORE STOP
.add:
    POP SWAP1 {word} ADD SWAP1 @.step JUMP
.multiply:
    POP SWAP1 {word} MUL SWAP1 @.step JUMP
.shift:
    POP SWAP1 DUP1 13 SHR XOR SWAP1 @.step JUMP
.hash:
    POP SWAP1 512 MSTORE 32 512 KECCAK256 SWAP1 @.step JUMP
.step:
    1 ADD @.next JUMP
.program=
    "{program}"
"""

POWER: Final = """
    1 36 CALLDATALOAD {exponent}
.again:                     ; result base exponent
    DUP1 ISZERO @.done JUMPI
    DUP1 1 AND ISZERO @.even JUMPI
    {word} DUP3 DUP5 MULMOD SWAP3 POP
.even:
    {word} DUP3 DUP1 MULMOD SWAP2 POP
    1 SHR @.again JUMP
.done:
    POP POP {slot} SSTORE STOP
"""

MERKLE_PROOF: Final = """
    36 CALLDATALOAD 0 MSTORE 32 0 KECCAK256 {depth}
.again:
    SWAP1 DUP1 {word} XOR DUP2 DUP2 LT @.ordered JUMPI
    SWAP1
.ordered:                   ; height left right
    0 MSTORE 32 MSTORE 64 0 KECCAK256
    SWAP1 1 SWAP1 SUB DUP1 @.again JUMPI
    POP {slot} SSTORE STOP
"""

INSERTION_SORT: Final = """
    36 CALLDATALOAD 0       ; seed index
.fill:
    SWAP1 {word} MUL {step} ADD SWAP1
    DUP2 128 SHR DUP2 5 SHL MSTORE
    1 ADD DUP1 {items} GT @.fill JUMPI
    POP POP 1
.outer:                     ; index
    DUP1 {items} GT ISZERO @.done JUMPI
    DUP1 5 SHL
.inner:                     ; index offset
    DUP1 ISZERO @.placed JUMPI
    DUP1 MLOAD DUP2 32 SWAP1 SUB MLOAD
    DUP2 DUP2 GT ISZERO @.ordered JUMPI
    DUP3 MSTORE
    DUP2 32 SWAP1 SUB SWAP1 DUP2 MSTORE
    SWAP1 POP @.inner JUMP
.ordered:
    POP POP
.placed:
    POP 1 ADD @.outer JUMP
.done:
    POP 0 MLOAD {slot} SSTORE STOP
"""

CHECKSUM: Final = """
    36 CALLDATALOAD {word} 0    ; word sum index
.again:
    DUP3 DUP2 BYTE DUP3 XOR
    DUP1 1 AND @.odd JUMPI
    1 SHR @.joined JUMP
.odd:
    1 SHR {step} XOR
.joined:
    SWAP2 POP
    1 ADD DUP1 32 GT @.again JUMPI
    POP {slot} SSTORE STOP
"""

KINDS: Final = (
    TRANSFER,
    POOL_SWAP,
    FORWARD,
    COUNTER,
    APPROVAL,
    CHECKED_LOOP,
    SMALL_MACHINE,
    MERKLE_PROOF,
    POWER,
    INSERTION_SORT,
    CHECKSUM,
)
