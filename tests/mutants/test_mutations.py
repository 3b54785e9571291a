"""What the mutants are made of."""

from pathlib import Path

from tests.mutants.mutations import CONSTANT, GAS, KINDS, Mutation, chosen, mutations_of, sources
from tests.mutants.suite import Step, copy_project, first_failure
from tests.tidy.source_files import ROOT


def texts(source: str, path: str = "evm_jit/frames.py") -> set[str]:
    """What each mutation makes of a source of one line."""
    found = set()
    for mutation in mutations_of(path, source):
        assert source[mutation.column :].startswith(mutation.before)
        found.add(source[: mutation.column] + mutation.after + source[mutation.column + len(mutation.before) :])
    return found


def test_constants_comparisons_and_costs_are_made_wrong() -> None:
    assert texts("x = 0x1F") == {"x = 32", "x = 30"}
    assert texts("a < b") == {"a <= b"}
    assert texts("a == b") == {"a != b"}
    assert texts("gas -= GAS_LOG") == {"gas -= (GAS_LOG + 1)"}
    assert texts("x = True is None") == set()
    assert {mutation.kind for mutation in mutations_of("evm_jit/gas.py", "X = 1")} == {GAS}
    assert {mutation.kind for mutation in mutations_of("evm_jit/frames.py", "X = 1")} == {CONSTANT}


def test_a_seed_chooses_the_same_mutants_again_and_of_every_kind() -> None:
    first = chosen(ROOT, 1, 9)
    assert first == chosen(ROOT, 1, 9)
    assert first != chosen(ROOT, 2, 9)
    assert [mutation.kind for mutation in first] == [*KINDS] * 3
    assert len({(mutation.path, mutation.line) for mutation in first}) == 9


def test_every_source_that_may_be_mutated_can_be() -> None:
    for path in sources(ROOT):
        source = (ROOT / path).read_text()
        lines = source.encode().split(b"\n")
        for mutation in mutations_of(path, source):
            assert lines[mutation.line - 1][mutation.column :].startswith(mutation.before.encode())


def test_a_mutation_changes_one_piece_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text("a = 1\nb = 'ä' if a < 2 else 3\n")
    *_, mutation = (
        found for found in mutations_of("kernel.py", (tmp_path / "kernel.py").read_text()) if found.line == 2
    )
    assert isinstance(mutation, Mutation)
    mutation.apply(tmp_path)
    before, after = "a = 1\nb = 'ä' if a < 2 else 3\n", (tmp_path / "kernel.py").read_text()
    assert before != after
    assert before.splitlines()[0] == after.splitlines()[0]


def test_the_first_step_that_fails_is_told(tmp_path: Path) -> None:
    passing = Step("first", ("-c", "print('well')"), 60)
    failing = Step("second", ("-c", "raise SystemExit('wrong')"), 60)
    endless = Step("third", ("-c", "while True: pass"), 1)
    assert first_failure(tmp_path, [passing]) is None
    failure = first_failure(tmp_path, [passing, failing, endless])
    assert failure is not None
    assert (failure.step, failure.output) == ("second", "wrong")
    failure = first_failure(tmp_path, [endless])
    assert failure is not None
    assert failure.step == "third"


def test_a_copy_holds_the_sources(tmp_path: Path) -> None:
    copy_project(tmp_path)
    assert (tmp_path / "evm_jit/gas.py").read_text() == (ROOT / "evm_jit/gas.py").read_text()
    assert not (tmp_path / ".venv").exists()
