"""The instructions that pyevmasm finds, against the table that the interpreter is made from; blocks, gas and jumps."""

import io
import sys

import pytest

import leveret
from evm_jit.disassembly import blocks, instruction_table, instructions, listing, mnemonic, one_line
from evm_jit.opcodes import OPCODES
from evm_jit.reference_forks import RULES
from primitives.forks import Fork
from tests.asm import CALLER, INVALID, JUMP, JUMPDEST, POP, STOP, push

FORKS = [fork for fork in Fork if fork >= Fork.BERLIN]
JUMPI = b"\x57"


@pytest.mark.parametrize("fork", FORKS, ids=lambda fork: fork.name.lower())
def test_all_256_bytes_are_what_the_interpreter_takes_them_for(fork: Fork) -> None:
    for number in range(256):
        [instruction, *_] = instructions(bytes((number,)) + bytes(range(1, 33)), fork)
        row = OPCODES.get(number)
        assert instruction.opcode == number
        if row is None or row.since > fork:
            assert (instruction.name, instruction.size) == ("INVALID", 1)
            assert mnemonic(instruction) == ("INVALID" if number == 0xFE else f"0x{number:02x}")
            continue
        assert (instruction.name, instruction.pops, instruction.pushes) == (row.name, row.taken, row.put)
        assert instruction.operand_size == row.immediate_size
        operand = bytes(range(1, row.immediate_size + 1)).hex()
        assert mnemonic(instruction) == (f"{row.name} 0x{operand}" if operand else row.name)
        assert instruction_table(fork)[row.name].opcode == number
        assert instruction.description


def test_gas_is_what_the_reference_engine_charges_at_least() -> None:
    """Cold accesses charge 2,500 more than py-evm's own figure says; the figures of calls are functions there."""
    charged_by_themselves = {
        "TLOAD",
        "TSTORE",
        "SLOAD",
        "SSTORE",
        "BALANCE",
        "EXTCODESIZE",
        "EXTCODECOPY",
        "EXTCODEHASH",
    }
    for number, row in OPCODES.items():
        gas = instruction_table(Fork.OSAKA)[number].fee
        if row.name.startswith("LOG"):
            assert gas == 375 * (1 + int(row.name[3:]))
        elif row.name in charged_by_themselves or ("CALL" in row.name and row.leaves):
            assert gas == 100
        elif not row.leaves:
            assert gas == RULES[Fork.OSAKA].frame.opcodes[number].gas_cost, row.name


@pytest.mark.parametrize("fork", [fork for fork in Fork if fork < Fork.BERLIN], ids=lambda fork: fork.name.lower())
def test_older_forks_have_the_opcodes_that_the_reference_engine_gives_them(fork: Fork) -> None:
    found = {number for number in range(256) if next(instructions(bytes((number,)), fork)).name != "INVALID"}
    assert found == set(RULES[fork].frame.opcodes) - {0xFE}


def test_code_in_one_line() -> None:
    assert one_line(bytes.fromhex("60010100fe1e0c")) == "PUSH1 0x01 ADD STOP INVALID CLZ 0x0c"
    assert one_line(JUMPDEST * 5 + POP + JUMPDEST) == "JUMPDEST POP JUMPDEST"
    assert one_line(b"") == ""
    assert one_line(b"\x1e", Fork.PRAGUE) == "0x1e"


def test_a_push_that_is_cut_off_is_the_one_that_runs() -> None:
    [found] = instructions(bytes.fromhex("630102"))
    assert (found.name, found.operand) == ("PUSH4", 0x01020000)
    assert "PUSH4 0x01020000" in listing(bytes.fromhex("630102"))
    assert "its last 2 bytes are zeros" in listing(bytes.fromhex("630102"))
    assert "cut off" not in listing(bytes.fromhex("6301020304"))


def test_data_of_a_push_is_no_instruction() -> None:
    assert [found.name for found in instructions(push(0x5B5B) + JUMPDEST)] == ["PUSH2", "JUMPDEST"]
    assert [block.start for block in blocks(push(0x5B5B) + JUMPDEST)] == [0, 3]


def test_blocks_begin_at_destinations_and_behind_jumps_and_ends() -> None:
    code = CALLER + push(5) + JUMPI + STOP + JUMPDEST + push(5) + JUMP + INVALID + b"\x0c" + POP
    found = blocks(code)
    assert [block.start for block in found] == [0, 4, 5, 9, 10, 11]
    assert [block.is_reached for block in found] == [True, True, True, False, False, False]
    assert [block.sources for block in found] == [(), (), (3, 8), (), (), ()]
    assert [block.gas for block in found] == [15, 0, 12, 0, 0, 2]
    assert b"".join(one.bytes for block in found for one in block.instructions) == code


def test_a_listing_shows_blocks_gas_and_jumps() -> None:
    code = CALLER + push(5) + JUMPI + JUMPDEST + JUMPDEST + push(300) + JUMP + b"\x0c\x56\x54"
    assert listing(code).splitlines() == [
        "block 0000  gas 15",
        "  0000  CALLER                         2",
        "  0001  PUSH1 0x05                     3",
        "  0003  JUMPI                         10   -> 0005",
        "block 0004  gas 1",
        "  0004  JUMPDEST                       1",
        "block 0005  gas 12  from 0003",
        "  0005  JUMPDEST                       1",
        "  0006  PUSH2 0x012c                   3",
        "  0009  JUMP                           8   -> 012c, which is no JUMPDEST",
        "block 000a  gas 0  not reached: data, or dead code",
        "  000a  0x0c                           0   no opcode of osaka",
        "block 000b  gas 8  not reached: data, or dead code",
        "  000b  JUMP                           8   -> where the stack says",
        "block 000c  gas 100+  not reached: data, or dead code",
        "  000c  SLOAD                        100+",
    ]


def exit_code(*arguments: str) -> int:
    return leveret.exit_code_of(["disasm", *arguments])


@pytest.mark.parametrize("code", ["0x6001", "6001", "-", "file"])
def test_disasm_takes_hex_a_file_and_standard_input(
    code: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    if code == "file":
        (tmp_path / "code.hex").write_text("0x60\n01\n")
        code = str(tmp_path / "code.hex")
    monkeypatch.setattr(sys, "stdin", io.StringIO(" 0x6001\n"))
    assert exit_code(code) == 0
    assert capsys.readouterr().out == "block 0000  gas 3\n  0000  PUSH1 0x01                     3\n"


def test_disasm_shows_what_a_fork_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("5f", "--fork", "Paris") == 0
    assert "0x5f" in capsys.readouterr().out
    assert exit_code("5f", "--fork", "Shanghai") == 0
    assert "PUSH0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["0x6g"], "0x6g is neither hex, two digits a byte, nor a file that can be read: No such file or directory."),
        (["600"], "600 is neither hex"),
        (["ab" * 30 + "g"], f"{'ab' * 30}... is neither hex"),
        (["-"], "Standard input must be hex, two digits a byte."),
        (["00", "--fork", "atlantis"], "no fork is called 'atlantis'"),
        ([], "Missing argument"),
    ],
)
def test_disasm_says_what_it_cannot_read(
    arguments: list[str], reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("xyz"))
    assert exit_code(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"leveret: {reason}")
    assert captured.out == ""
