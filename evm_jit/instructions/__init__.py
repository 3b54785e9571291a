"""
The opcodes, by group, each a function that says what the Yellow Paper says: operands in, result out.

How a function's parameters and results are connected to the stack, the gas and the frame is told in `evm_jit.opcodes`.
"""
