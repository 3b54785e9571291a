"""
Precompiled contracts as plain functions: bytes in, bytes out, gas apart; one file a contract.

Engines put their own frames around them. A contract that fails (and takes all the gas of its frame) raises
PrecompileFailed.
"""


class PrecompileFailed(Exception):
    """The input is not one that the contract accepts; the text says why."""
