"""What is shown while a node starts."""

import io

from sequencer.progress import progress


class Clock:
    """Seconds, as the test sets them."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def test_a_step_that_is_over_in_a_moment_is_not_mentioned() -> None:
    stream, clock = io.StringIO(), Clock()
    with progress("Reading the chain", stream, clock) as show:
        show(0, 2)
        clock.s = 0.4
        show(1, 2)
        show(2, 2)
    assert stream.getvalue() == ""


def test_where_the_output_is_a_file_a_line_comes_now_and_then() -> None:
    stream, clock = io.StringIO(), Clock()
    with progress("Compiling kernels", stream, clock) as show:
        for done in range(20):
            clock.s = float(done)
            show(done, 20)
        show(20, 20)
    assert stream.getvalue().splitlines() == [f"Compiling kernels: {done} of 20" for done in (1, 6, 11, 16)]


def test_on_a_terminal_there_is_a_bar() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream, clock = Terminal(), Clock()
    with progress("Compiling kernels", stream, clock) as show:
        clock.s = 3.0
        show(11, 22)
    assert "Compiling kernels" in stream.getvalue()
    assert "50%" in stream.getvalue()
