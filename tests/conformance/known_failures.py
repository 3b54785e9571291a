"""
State tests that leveret is known to fail, by a pattern of their names (fnmatch), each with the reason.

`make conformance` fails when a case fails that is not listed, and when a listed one passes: the list is never
longer than the truth.
"""

KNOWN_FAILURES: dict[str, str] = {}
