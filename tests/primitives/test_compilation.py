"""Numba tells what it compiles."""

import numba

from primitives.compilation import Progress, compilations


def test_each_function_that_is_compiled_meanwhile_is_told():
    told = []
    inner = numba.njit(lambda x: x + 1)
    outer = numba.njit(lambda x: inner(x) + 1)
    with compilations(lambda: told.append(1)):
        outer(1)
        assert len(told) == 2
        outer(1)
        assert len(told) == 2
        outer(1.5)
    inner(True)
    assert len(told) == 4


def test_progress_is_not_at_its_end_before_the_end():
    shown = []
    progress = Progress(lambda done, total: shown.append((done, total)), 3)
    for _ in range(4):
        progress.advance()
    progress.end()
    assert shown == [(1, 3), (2, 3), (2, 3), (2, 3), (3, 3)]
