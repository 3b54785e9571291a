"""The compiled tier: EVM bytecode of contracts that are hot becomes machine code, in the order of `pipeline.py`."""
