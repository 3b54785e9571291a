"""
Tests that leveret is known to fail, by a pattern of their names (fnmatch), each with the reason.

`make conformance` fails when a case fails that is not listed, and when nothing fails that a pattern matches: the
list is never longer than the truth.
"""

from fnmatch import fnmatchcase

KNOWN_FAILURES: dict[str, str] = {}


def is_known(name: str) -> bool:
    """Whether the case called `name` may fail."""
    return any(fnmatchcase(name, pattern) for pattern in KNOWN_FAILURES)
