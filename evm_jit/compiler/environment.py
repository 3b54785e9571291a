"""Instructions on the frame, the block and memory, as IR; what they leave out is a builtin's."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from evm_jit.compiler.blocks import Instruction
from evm_jit.compiler.emission import Emission
from evm_jit.compiler.ir_text import LIKELY
from evm_jit.compiler.values import Word
from evm_jit.compiler.words import Emit


def _field(record: str, name: str, emission: Emission, instruction: Instruction) -> None:
    """A word that the machine or the frame holds."""
    emission.stack.push(emission.word_in(record, name))


def _code_size(emission: Emission, instruction: Instruction) -> None:
    """CODESIZE (0x38): of the code that was compiled."""
    emission.stack.push(len(emission.plan.program.code))


def _program_counter(emission: Emission, instruction: Instruction) -> None:
    """PC (0x58)."""
    emission.stack.push(instruction.pc)


def _gas(emission: Emission, instruction: Instruction) -> None:
    """GAS (0x5a): what is left after this instruction; what follows in its section is charged already."""
    emission.stack.push(Word(emission.text.let("gas_word", f"zext i64 {emission.exact_gas()} to i256")))


def _calldata_load(emission: Emission, instruction: Instruction) -> None:
    """CALLDATALOAD (0x35): data[offset : offset + 32]; a builtin pads what reaches beyond the end."""
    text, stack = emission.text, emission.stack
    top = stack.top()
    operand = stack.height - 1
    offset_word = stack.word_at(operand)
    offset = emission.size_of(offset_word)
    end = text.let("end", f"add i64 {offset}, 32")
    is_inside = text.let("is_inside", f"icmp sle i64 {end}, {emission.number_in('frame', 'data_size')}")
    inside, beyond, loaded = (text.new_label(name) for name in ("inside", "beyond", "loaded"))
    text.branch(is_inside, inside, beyond, weights=LIKELY)
    text.start(inside)
    data = text.let("data", f"load ptr, ptr {emission.field('frame', 'data')}")
    place = text.let("place", f"getelementptr i8, ptr {data}, i64 {offset}")
    octets = text.let("octets", f"load i256, ptr {place}, align 1")
    text.jump(loaded, text.let("word", f"call i256 @llvm.bswap.i256(i256 {octets})"))
    text.start(beyond)
    slot = stack.address_of(operand)
    text.do(f"store i256 {stack.as_word(offset_word)}, ptr {slot}, align 8")
    emission.call_on(instruction, top)
    text.jump(loaded, text.let("word", f"load i256, ptr {slot}, align 8"))
    name = f"%{loaded}.word"
    text.start(loaded, (("i256", name),))
    stack.forget(operand)
    stack.drop(1)
    stack.push(Word(name))


def _load(emission: Emission, instruction: Instruction) -> None:
    """MLOAD (0x51): memory[offset : offset + 32], most significant byte first."""
    text = emission.text
    offset = emission.size_of(emission.stack.pop())
    emission.expand(offset, 32)
    octets = text.let("octets", f"load i256, ptr {emission.in_memory(offset)}, align 1")
    emission.stack.push(Word(text.let("mload", f"call i256 @llvm.bswap.i256(i256 {octets})")))


def _store(emission: Emission, instruction: Instruction) -> None:
    """MSTORE (0x52): memory[offset : offset + 32] = value, most significant byte first."""
    text = emission.text
    offset_word, value = emission.stack.take(2)
    offset = emission.size_of(offset_word)
    emission.expand(offset, 32)
    octets = text.let("octets", f"call i256 @llvm.bswap.i256(i256 {emission.stack.as_word(value)})")
    text.do(f"store i256 {octets}, ptr {emission.in_memory(offset)}, align 1")


def _store_byte(emission: Emission, instruction: Instruction) -> None:
    """MSTORE8 (0x53): memory[offset] = value mod 256."""
    text = emission.text
    offset_word, value = emission.stack.take(2)
    offset = emission.size_of(offset_word)
    emission.expand(offset, 1)
    octet = text.let("octet", f"trunc i256 {emission.stack.as_word(value)} to i8")
    text.do(f"store i8 {octet}, ptr {emission.in_memory(offset)}")


EMITTED: Final[Mapping[str, Emit]] = {
    "ADDRESS": partial(_field, "frame", "address"),
    "ORIGIN": partial(_field, "machine", "origin"),
    "CALLER": partial(_field, "frame", "caller"),
    "CALLVALUE": partial(_field, "frame", "value"),
    "CALLDATALOAD": _calldata_load,
    "CALLDATASIZE": partial(_field, "frame", "data_size"),
    "CODESIZE": _code_size,
    "GASPRICE": partial(_field, "machine", "gas_price"),
    "RETURNDATASIZE": partial(_field, "machine", "return_data_size"),
    "COINBASE": partial(_field, "machine", "coinbase"),
    "TIMESTAMP": partial(_field, "machine", "timestamp"),
    "NUMBER": partial(_field, "machine", "number"),
    "PREVRANDAO": partial(_field, "machine", "prev_randao"),
    "GASLIMIT": partial(_field, "machine", "gas_limit"),
    "CHAINID": partial(_field, "machine", "chain_id"),
    "BASEFEE": partial(_field, "machine", "base_fee"),
    "BLOBBASEFEE": partial(_field, "machine", "blob_base_fee"),
    "MLOAD": _load,
    "MSTORE": _store,
    "MSTORE8": _store_byte,
    "PC": _program_counter,
    "MSIZE": partial(_field, "frame", "memory_size"),
    "GAS": _gas,
}
