"""The kernels as Python calls them."""

from statestore.kernel_calls import compile_kernels


def test_kernels_are_compiled_once_a_process() -> None:
    calls: list[str] = []
    assert compile_kernels() is compile_kernels(lambda name, done, count: calls.append(name))
    assert calls == []
