"""Random programs, compiled by the hundred, leave behind what they leave in the interpreter; what is wrong is found."""

import re
from collections.abc import Iterator

import pytest

from evm_jit.compiler.loading import interpreter_entry
from evm_jit.compiler.object_code import CODE_LEVELS, HOT
from evm_jit.compiler.pipeline import translate_code
from evm_jit.compiler.translation import Translation
from primitives.errors import ConfigError
from primitives.forks import Fork
from tests.asm import mstore, ret, sload, sstore
from tests.differential import machine_code
from tests.differential.comparison import Finding, Tally, make_engines
from tests.differential.compiled_comparison import compare_compiled
from tests.differential.compiled_frames import BATCH_SIZE
from tests.differential.engines import FACTOR, engine, reports
from tests.differential.joined_modules import join_modules
from tests.differential.machine_code import BatchCode, MachineCodeEngine, Manner

NAMES = ["machine-code", "interpreter"]
SAMPLE = max(16, min(BATCH_SIZE, int(64 * FACTOR)))  # Of a batch.
FIRST_BATCH = 8_000  # Of seeds that no other test reaches; 8,000 is compiled as 0 is.


def compare(
    seeds: range, tally: Tally, fork: Fork | None = None, *, is_reduced: bool = True
) -> Iterator[Finding | None]:
    engines = {"machine-code": MachineCodeEngine(), "interpreter": engine("interpreter")}
    return compare_compiled(NAMES, engines, seeds, fork, tally, is_reduced=is_reduced)


@pytest.mark.parametrize("batch", range(6))
def test_machine_code_of_a_batch_agrees_with_the_interpreter(batch: int) -> None:
    first, tally = (FIRST_BATCH + batch) * BATCH_SIZE, Tally()
    assert reports(compare(range(first, first + SAMPLE), tally)) == []
    counted = tally.machine_code
    assert counted["entered"] == SAMPLE <= tally.count
    assert tally.success_share >= 0.4
    if counted["watched"]:
        assert counted["idle"] <= SAMPLE / 8, "nearly all execute blocks of machine code"
        assert counted["reached blocks"] >= counted["watched blocks"] / 4
    if batch == 0:
        assert counted["reached trees"] >= SAMPLE / 8, "loops run as trees"


WRONGS = {
    "a gas too little for a section": (r"(= sub i64 %gas\S*), 3$", r"\1, 2"),
    "a difference for a sum": ("= add i256 ", "= sub i256 "),
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_a_wrong_compiler_is_found(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern, replacement = WRONGS[wrong]

    def translate(code: bytes, fork: Fork, tier: int) -> Translation:
        right = translate_code(code, fork, tier)
        text = re.sub(pattern, replacement, right.text, flags=re.MULTILINE)
        return Translation(text, right.block_count, right.instruction_count)

    monkeypatch.setattr(machine_code, "translate_code", translate)
    first, is_reduced = FIRST_BATCH * BATCH_SIZE, "gas" in wrong  # One is enough.
    found = compare(range(first, first + 24), Tally(), Fork.CANCUN, is_reduced=is_reduced)
    finding = next(each for each in found if each is not None)
    assert "machine-code and interpreter differ (cancun):" in finding.report
    assert finding.count == 1


def test_what_programs_have_in_common_stands_once_in_their_module() -> None:
    code = bytes.fromhex("5f355f35025f355f35025f5260205ff3")  # Two multiplications.
    module = join_modules([translate_code(code, Fork.OSAKA, 1).text] * 2)
    assert module.text.count("@multiply(i256 %x, i256 %y) noinline") == 1
    assert module.text.count("declare i64 @leveret_calldataload(") == 1
    assert module.entries == ["leveret_enter.0", "leveret_enter.1"]
    assert not re.search(r"@(leveret_enter|blocks|entries)\b(?!\.\d)", module.text)


def test_blocks_that_ran_have_left_marks() -> None:
    reached = bytes.fromhex("600160055700" + "00")  # JUMPI to a place that is none.
    batch = BatchCode(Fork.OSAKA, Manner(HOT, CODE_LEVELS[HOT], has_marks=True))
    batch.compile([reached, sstore(0, 1)])
    assert batch.entry_of(reached, Fork.OSAKA) != interpreter_entry()
    assert all(found.blocks == 0 < found.block_count for _, found in batch.reached())


def test_a_code_that_nobody_compiled_is_interpreted_and_told() -> None:
    batch = BatchCode(Fork.OSAKA, Manner(HOT, CODE_LEVELS[HOT]))
    code = mstore(0, 1) + ret(0, 32)
    assert batch.entry_of(code, Fork.OSAKA) == interpreter_entry()
    assert batch.missing == {code: 1}
    batch.compile(batch.missing)
    assert batch.entry_of(code, Fork.OSAKA) != interpreter_entry()


def test_a_code_that_the_compiler_refuses_is_no_longer_missing() -> None:
    batch = BatchCode(Fork.OSAKA, Manner(HOT, CODE_LEVELS[HOT]))
    code = sload(0) * 20_000
    batch.compile([code])
    assert batch.entry_of(code, Fork.OSAKA) == interpreter_entry()
    assert batch.refused == {code}
    assert not batch.missing


def test_machine_code_is_compared_with_one_engine() -> None:
    for names in (["interpreter", "machine-code"], ["machine-code"], ["machine-code", "interpreter", "reference"]):
        with pytest.raises(ConfigError, match="machine-code is compared with one engine"):
            make_engines(names)
