"""Traces as files: the lines of `trace`, written as they come."""

from typing import TextIO

from evm_jit.engine import Outcome
from evm_jit.trace import Step, state_line, step_line, summary_line


class TraceWriter:
    """A tracer that writes lines to `file`."""

    def __init__(self, file: TextIO, wants_memory: bool = False) -> None:
        self._file = file
        self.wants_memory = wants_memory

    def step(self, step: Step) -> None:
        """Write its line."""
        self._write(step_line(step))

    def end(self, output: bytes, gas_used: int, error: str | None) -> None:
        """Write the summary of a transaction or call."""
        self._write(summary_line(output, gas_used, error))

    def end_of(self, outcome: Outcome) -> None:
        """Write the summary of a transaction, also of one that was refused."""
        receipt = outcome.receipt
        gas_used = 0 if receipt is None else receipt.gas_used
        self.end(outcome.output, gas_used, outcome.halt if receipt is not None else str(outcome.refusal))

    def state(self, state_root: bytes | None, name: str, fork_name: str, passed: bool) -> None:
        """Write what became of a state test."""
        self._write(state_line(state_root, name, fork_name, passed))

    def _write(self, line: str) -> None:
        self._file.write(line + "\n")
