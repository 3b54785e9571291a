"""`leveret run --emit`."""

import pytest

from evm_jit.__main__ import run
from primitives.errors import ConfigError


@pytest.mark.parametrize(
    ("what", "part"),
    [
        ("ir", "define i64 @leveret_enter"),
        ("asm", "leveret_enter:"),
        ("stats", "instruction count"),
        ("stats", "load ns"),
    ],
)
def test_what_the_compiler_makes_of_a_code_is_shown(what, part, capsys):
    assert run(code="600160020100", engine="compiled", emit=what) == 0
    assert part in capsys.readouterr().out


@pytest.mark.parametrize(
    ("engine", "what", "sentence"),
    [
        ("native", "ir", "--emit needs a compiler: use --engine compiled or compiled-hot."),
        ("compiled", "bitcode", "--emit does not know 'bitcode': use one of ir, asm, stats."),
    ],
)
def test_what_cannot_be_shown_is_said(engine, what, sentence):
    with pytest.raises(ConfigError) as caught:
        run(code="00", engine=engine, emit=what)
    assert str(caught.value) == sentence


def test_a_workload_that_calls_no_code_has_nothing_to_show():
    with pytest.raises(ConfigError, match="none is"):
        run(code="", engine="compiled", emit="ir")
