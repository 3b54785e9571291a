import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.json_depth import is_deeper_than

TEXTS = st.text(alphabet='ab"\\[]{}:,é', max_size=8)
DOCUMENTS = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXTS, children, max_size=3),
    max_leaves=20,
)


def depth_of(document: object) -> int:
    if isinstance(document, dict):
        document = list(document.values())
    return 1 + max(map(depth_of, document), default=0) if isinstance(document, list) else 0


@given(DOCUMENTS)
def test_the_depth_is_that_of_the_decoded_document(document):
    for text in (json.dumps(document), json.dumps(document, ensure_ascii=False)):
        depth = depth_of(document)
        assert not is_deeper_than(text.encode(), depth)
        if depth:
            assert is_deeper_than(text.encode(), depth - 1)


@pytest.mark.parametrize("text", [b"", b"]", b"}{", b'"', b'"[[[[[[', b'"\\"[[[[[[', b'"[[[\\', b"[" * 5 + b"]" * 9])
def test_a_text_that_is_no_json_is_measured_too(text):
    assert not is_deeper_than(text, 5)


@pytest.mark.parametrize(
    "text",
    [b"[" * 2_500_000, b'{"a":' * 500_000, b"[]" * 1_000_000 + b"[" * 9, b'"\\"' * 10 + b'"' + b"[{" * 9],
    ids=["lists", "objects", "late", "behind a string"],
)
def test_brackets_without_end_are_too_deep(text):
    assert is_deeper_than(text, 8)


@pytest.mark.parametrize(
    "text",
    [b'"' + b'\\"' * 2_000_000, b'[{}]"' * 3 + b'"\\' * 999_999, b"[]" * 2_000_000],
    ids=["escapes", "quotes without end", "brackets"],
)
def test_a_large_text_is_read_once_only(text):
    """It ends at all: reading on from every quote would take hours."""
    assert not is_deeper_than(text, 5)


def test_a_raised_recursion_limit_does_not_matter():
    program = (
        "import sys; sys.setrecursionlimit(200_000)\n"
        "from primitives.json_depth import is_deeper_than\n"
        "print(is_deeper_than(b'[' * 2_000_000, 64))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "True\n"
