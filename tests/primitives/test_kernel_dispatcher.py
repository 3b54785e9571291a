"""Kernels that kernels call, and kernels that Python calls."""

import ctypes
from collections.abc import Callable
from typing import Any

import pytest
from numba import types

from primitives.compilation import compilations
from primitives.kernel_dispatcher import EntryPoint, LinkedLibrary
from primitives.kernels_cache import compile_function, njit, njit_inlined, njit_without_lock


@njit
def doubled(number: Any) -> Any:
    """A scalar times two."""
    return number + number


@njit_inlined
def successor(number: Any) -> Any:
    """A scalar and one."""
    return number + 1


@njit
def computed(number: Any) -> Any:
    """Of a scalar: calls of two kernels, one of them twice."""
    return doubled(successor(number)) + doubled(number)


@njit_without_lock
def checked(number: Any) -> Any:
    """Of a scalar: it raises in a kernel that it calls."""
    return refused(number) + 1


@njit
def refused(number: Any) -> Any:
    """A scalar, not 7."""
    if number == 7:
        raise ValueError("seven")
    return number


@njit
def told(number: Any) -> Any:
    """A scalar, printed."""
    print("number", number)
    return number


@njit
def telling(number: Any) -> Any:
    """A scalar, printed by a kernel that is called."""
    return told(number) + told(number + 1)


def adder(addend: int) -> Any:
    @njit
    def add(number: Any) -> Any:
        """A scalar and another."""
        return number + addend

    return add


add_two, add_three = adder(2), adder(3)


@njit
def five_more(number: Any) -> Any:
    """Of a scalar: two kernels that one function made."""
    return add_two(add_three(number))


def as_c_function(kernel: Callable[..., Any]) -> Callable[[int], int]:
    def call(number: Any) -> Any:
        return kernel(number)

    compiled, address = compile_function(call, types.int64(types.int64))
    function: Any = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)
    function.compiled = compiled
    return function  # type: ignore[no-any-return]


@pytest.mark.parametrize("kernel", [doubled, successor, computed, five_more, add_two])
@pytest.mark.parametrize("number", [0, -5, 1 << 40])
def test_a_kernel_is_the_same_in_python_in_compiled_code_and_as_a_c_function(kernel: Any, number: int) -> None:
    expected = {
        doubled: 2 * number,
        successor: number + 1,
        computed: 4 * number + 2,
        five_more: number + 5,
        add_two: number + 2,
    }[kernel]
    assert kernel(number) == expected
    assert as_c_function(kernel)(number) == expected


def test_a_kernel_called_from_python_with_other_types_is_compiled_for_them() -> None:
    assert computed(2.5) == 12.0
    assert computed(3) == 14
    assert computed(2.5) == 12.0
    assert computed(True) == 6


def test_no_machine_code_is_made_of_what_only_kernels_call() -> None:
    as_c_function(computed)
    for result in doubled.overloads.values():  # type: ignore[attr-defined]
        assert isinstance(result.library, LinkedLibrary)
        assert isinstance(result.entry_point, EntryPoint)


def test_an_exception_of_a_called_kernel_reaches_python() -> None:
    assert checked(6) == 7
    with pytest.raises(ValueError, match="seven"):
        checked(7)


def test_a_called_kernel_can_print(capfd: pytest.CaptureFixture[str]) -> None:
    assert telling(1) == 3
    assert as_c_function(telling)(3) == 7
    assert capfd.readouterr().out.split() == ["number", "1", "number", "2", "number", "3", "number", "4"]


def test_a_call_from_python_is_compiled_once() -> None:
    kernel, compiled = adder(4), []
    with compilations(lambda: compiled.append(1)):
        assert [kernel(number) for number in (1, 2, 3)] == [5, 6, 7]
    assert len(compiled) + sum(kernel.stats.cache_hits.values()) == 1
