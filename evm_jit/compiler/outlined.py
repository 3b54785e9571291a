"""
Functions in IR that a module has a copy of: what LLVM takes long to compile in place, hundreds of times.

One multiplication of words in place takes a millisecond to compile, a shift by an unknown amount up to five.
"""

from collections.abc import Mapping
from typing import Final

_HEAD: Final = (
    "define internal i256 @{name}(i256 %x, i256 %y) noinline nounwind noimplicitfloat memory(none) {{\n{body}}}"
)
_SHIFT: Final = """  %in_range = icmp ult i256 %x, 256
  %amount = select i1 %in_range, i256 %x, i256 0
  %moved = {operation} i256 %y, %amount
  %result = select i1 %in_range, i256 %moved, i256 0
  ret i256 %result
"""
_SHIFT_SIGNED: Final = """  %in_range = icmp ult i256 %x, 256
  %amount = select i1 %in_range, i256 %x, i256 255
  %result = ashr i256 %y, %amount
  ret i256 %result
"""
_MULTIPLY: Final = """  %result = mul i256 %x, %y
  ret i256 %result
"""

OUTLINED: Final[Mapping[str, str]] = {
    name: _HEAD.format(name=name, body=body)
    for name, body in (
        ("multiply", _MULTIPLY),
        ("shift_left", _SHIFT.format(operation="shl")),
        ("shift_right", _SHIFT.format(operation="lshr")),
        ("shift_right_signed", _SHIFT_SIGNED),
    )
}
