"""What `leveret bench` refuses, and that it does so before anything is measured."""

from pathlib import Path

import pytest

import leveret


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--engine", "reference", "batch"], "--engine before batch says nothing to it: leveret bench batch --help"),
        (["--transactions", "5", "--senders", "2", "tiers"], "--transactions before tiers"),
        (["--engine", "interpreter"], "--engine must be native, reference or shadow, got 'interpreter'."),
        (["--engine", "quickest"], "--engine must be native, reference or shadow, got 'quickest'."),
        (["flood", "--engine", "compiled"], "--engine must be native, reference or shadow, got 'compiled'."),
        (["batch", "--engine", "quickest"], "no engine is called 'quickest'"),
        (["--output", "file"], "--output must be a folder that can be written, got 'file': File exists."),
        (["--plot", "file/plot.svg"], "--plot must be in a folder that can be written, got 'file/plot.svg'"),
        (["engines", "--plot", "file/plot.svg"], "--plot must be in a folder"),
        (["gas", "--output", "file"], "--output must be a folder"),
    ],
)
def test_a_command_line_that_can_not_be_meant_is_refused_at_once(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    assert leveret.exit_code_of(["bench", *arguments]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert (captured.err.count("\n"), captured.out) == (1, "")
