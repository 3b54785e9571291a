"""The documents name only what is there."""

import re

import pytest

from tests.tidy.source_files import ROOT, tracked

DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
DECISION_PARTS = ["Context", "Choice", "What it costs", "When to look again"]
DOCUMENTS = [path for path in tracked("*.md") if path.name != "CHANGELOG.md"]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands_in_code(text: str) -> list[str]:
    """The lines of fenced code, and what stands in backticks."""
    fenced = re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL)
    lines = [line.strip() for block in fenced for line in block.splitlines()]
    return lines + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_named_is_there(path):
    named = {match[1] for line in commands_in_code(path.read_text()) if (match := re.match(r"make ([a-z-]+)", line))}
    assert named <= make_targets()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_inside_the_project_leads_somewhere(path):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_the_makefile_explains_each_of_its_targets():
    text = (ROOT / "Makefile").read_text()
    measured = {"bench", "bench-gas", "fuzz", "mutants"}
    expected = {"run", "test", "check", "conformance", "fetch-tests", "clean", "help", *measured}
    assert make_targets() == expected
    assert set(re.findall(r"^([a-z-]+):  ## \S", text, re.MULTILINE)) == expected


def test_the_readme_shows_how_to_run_and_test():
    assert {"make run", "make test"} <= set(commands_in_code((ROOT / "README.md").read_text()))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name)
def test_a_decision_says_context_choice_cost_and_when_to_look_again(path):
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name)
    assert re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE) == DECISION_PARTS


def test_decisions_are_numbered_without_gaps():
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    assert DECISIONS
