"""What no file may say: unfinished work, places of one machine, hosts of package registries."""

import re

from tests.tidy.source_files import ROOT, tracked

# Written in pieces, or this file would find itself.
FORBIDDEN = {
    "unfinished work": re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b"),
    "a path of one machine": re.compile(r"(?<![\w.~-])/(work|root|ho" + r"me|farm|Users)/[a-z.]"),
    "a registry's host": re.compile(r"py" + r"pi\.org|python" + r"hosted|npm" + r"js\.|npm" + r"mirror"),
}
BINARY_SUFFIXES = {".png", ".svg", ".zst", ".bin", ".gz"}


def violations(text: str) -> list[str]:
    return [what for what, pattern in FORBIDDEN.items() if pattern.search(text)]


def text_files():
    return [path for path in tracked() if path.suffix not in BINARY_SUFFIXES]


def test_no_file_says_anything_forbidden():
    found = {str(path.relative_to(ROOT)): violations(path.read_text(encoding="utf-8")) for path in text_files()}
    assert {name: what for name, what in found.items() if what} == {}


def test_forbidden_words_are_found():
    assert violations("# TO" + "DO: later") == ["unfinished work"]
    assert violations("see /ro" + "ot/x") == ["a path of one machine"]
    assert violations("https://py" + "pi.org/simple") == ["a registry's host"]
    assert violations("~/.local/share and ../shared/reference, /tmp, todo lists") == []
