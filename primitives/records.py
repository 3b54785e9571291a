"""
Records in memory as kernels see them: the layout from one NumPy dtype, the place from an address.

    ACCOUNT = np.dtype([("address", np.uint64, 3), ("balance", np.uint64, 4), ("nonce", np.uint64), ...])
    as_account = record_at(ACCOUNT)

    account = as_account(address)          # in a kernel; `address` is an int64
    account.balance = account.balance + value

A record is passed as its address, one register. Its fields are

- words: two to four limbs (`np.uint64, n`) read as a U256; what is written is cut off to the limbs;
- `np.uint64`: a uint64; every other integer, of any size: an int64, extended as its type says, cut off when
  written.

Other arrays inside a record have an address only: `offset_of(ACCOUNT, "name")`. Nothing checks that there is a record
at the address; `row_of` does, where one of an array is meant, in the build with checks.
"""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-any-generics

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, lower_getattr_generic, lower_setattr_generic, models, register_model

from primitives.kernels_cache import njit
from primitives.wide_integers import U256, load_at, operation, store_at

INT64, WORD = ir.IntType(64), ir.IntType(256)
IS_CHECKED = os.environ.get("NUMBA_BOUNDSCHECK") == "1"


class Field(NamedTuple):
    """Where a field is, its type in a kernel, and its LLVM type in memory."""

    offset: int
    type: Any
    stored: ir.IntType
    is_signed: bool


def _field(dtype: npt.DTypeLike, offset: int) -> Field | None:
    """The field that kernels can read as a value, None for any other array."""
    dtype = np.dtype(dtype)
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        is_word = base == np.uint64 and len(shape) == 1 and 2 <= shape[0] <= 4
        return Field(offset, U256, ir.IntType(64 * shape[0]), False) if is_word else None
    if dtype.kind not in "iu":
        return None
    kind = types.uint64 if dtype == np.uint64 else types.int64
    return Field(offset, kind, ir.IntType(8 * dtype.itemsize), dtype.kind == "i")


class RecordType(types.Type):
    """The type of records that `dtype` lays out."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        assert dtype.fields is not None
        found = {name: _field(*place[:2]) for name, place in dtype.fields.items()}
        self.fields = {name: field for name, field in found.items() if field is not None}
        super().__init__(name=f"record({dtype.descr})")


@register_model(RecordType)
class _RecordModel(models.PrimitiveModel):
    def __init__(self, manager: Any, type_: RecordType) -> None:
        super().__init__(manager, type_, INT64)


@infer_getattr
class _Attributes(AttributeTemplate):
    key = RecordType

    def generic_resolve(self, record: Any, name: str) -> Any:  # type: ignore[override]
        field = record.fields.get(name)
        return None if field is None else field.type


@lower_getattr_generic(RecordType)
def _load_field(context, builder, type_, address, name):
    field = type_.fields[name]
    value = load_at(builder, builder.add(address, INT64(field.offset)), field.stored)
    wanted = WORD if field.type == U256 else INT64
    if field.stored == wanted:
        return value
    return builder.sext(value, wanted) if field.is_signed else builder.zext(value, wanted)


@lower_setattr_generic(RecordType)
def _store_field(context, builder, signature, arguments, name):
    address, value = arguments
    field = signature.args[0].fields[name]
    if field.stored != value.type:
        value = builder.trunc(value, field.stored)
    store_at(builder, builder.add(address, INT64(field.offset)), value)


def record_at(dtype: np.dtype[Any]) -> Callable[[int], Any]:
    """A function for kernels: the record of this layout at an address (int64)."""
    record: Callable[[int], Any] = operation(RecordType(dtype), (types.int64,), lambda builder, address: address)
    return record


@intrinsic
def _address_of(typing_context: Any, record: Any) -> Any:
    if not isinstance(record, RecordType):
        return None
    return types.int64(record), lambda context, builder, signature, arguments: arguments[0]


# For kernels: the address of a record (int64).
address_of: Any = _address_of


def offset_of(dtype: np.dtype[Any], name: str) -> int:
    """Where a field begins in a record, in bytes."""
    assert dtype.fields is not None
    return int(dtype.fields[name][1])


def row_of(dtype: np.dtype[Any]) -> Callable[[int, int, int], Any]:
    """
    A function for kernels: `row(base, index, count)`, the record with this index in an array at `base`.

    All int64; 0 <= index < count, which the build with checks (NUMBA_BOUNDSCHECK=1) asserts.
    """
    as_record, size_bytes = record_at(dtype), dtype.itemsize

    @njit
    def row(base, index, count):
        """The record with this index (int64)."""
        if IS_CHECKED and not 0 <= index < count:
            raise IndexError("a row beyond the table")
        return as_record(base + index * size_bytes)

    return row
