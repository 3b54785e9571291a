"""Cases of the opcodes that read and write accounts and storage, call, create, and destroy; cold ones and warm ones."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Final

from bench.bytecode import (
    GAS,
    JUMPDEST,
    MSTORE,
    SSTORE,
    STOP,
    TSTORE,
    copy_calldata,
    operands,
    push,
)
from bench.compute_cases import KIBIBYTE, WORD, case, expand_memory
from bench.gas_case import STACK_WORDS, GasCase, always, no_accounts, target_address, target_word
from evm_jit.state_tests import PreAccount
from primitives.constants import INIT_CODE_SIZE_BYTES_MAX

CODE_SIZE_BYTES_MAX: Final = 24_576
COLD_FRAMES_MAX: Final = 8  # Each needs accounts or slots of its own.
COLD_REPEATS: Final = 240
LARGE_REPEATS: Final = 40
PUSHES: Final = b"\x60\x5b"  # PUSH1 of what would be a JUMPDEST.
Accounts = Callable[[int], tuple[PreAccount, ...]]
SLOTS: Final = dict.fromkeys(range(COLD_REPEATS), WORD)


def state_cases() -> Iterator[GasCase]:
    """Every case of this file."""
    yield from _storage_reads()
    yield from _storage_writes()
    yield from _transient_storage()
    yield from _account_reads()
    yield from _calls()
    yield from _creations()
    yield from _destructions()


def _cold(subject: str, variant: str, operation: bytes, **fields: object) -> GasCase:
    """A case that touches something else each time."""
    defaults: dict[str, object] = {"repeats_max": COLD_REPEATS, "frames_max": COLD_FRAMES_MAX, "is_apart": True}
    return GasCase(subject, variant, operation, **(defaults | fields))  # type: ignore[arg-type]


def _storage_reads() -> Iterator[GasCase]:
    yield _cold("SLOAD", "cold", b"\x54", operands=lambda index, _: push(index), storage=SLOTS)
    # A read may leave a row behind, so the next run begins without it.
    yield _cold("SLOAD", "cold, never written", b"\x54", operands=lambda index, _: push(index), writes=True)
    yield case("SLOAD", "warm", 0x54, 1, setup=push(1) + b"\x54")


def _storage_writes() -> Iterator[GasCase]:
    for variant, value, storage in (
        ("cold, 0 to a value", 1, {}),
        ("cold, a value to another", 1, SLOTS),
        ("cold, a value to 0", 0, SLOTS),
        ("cold, unchanged", WORD, SLOTS),
    ):
        yield _cold(
            "SSTORE",
            variant,
            SSTORE,
            operands=lambda index, _, value=value: operands(index, value),
            word_count=2,
            writes=True,
            storage=storage,
        )
    again = operands(0, 1) + SSTORE
    yield _cold(
        "SSTORE",
        "warm, written before",
        SSTORE,
        operands=lambda index, _: operands(0, index + 2),
        setup=again,
        word_count=2,
        repeats_max=480,
        frames_max=1 << 10,
        writes=True,
    )


def _transient_storage() -> Iterator[GasCase]:
    yield case("TLOAD", "one key", 0x5C, 1, setup=operands(1, WORD) + TSTORE)
    yield _cold("TLOAD", "never written", b"\x5c", operands=lambda index, _: push(index), repeats_max=480)
    yield case("TSTORE", "one key", 0x5D, 1, WORD)
    fresh = _cold("TSTORE", "another key each time", TSTORE, operands=lambda index, _: operands(index, 1), word_count=2)
    yield fresh


def _only(*accounts: PreAccount) -> Accounts:
    """The same accounts for each frame."""
    return lambda _frame: accounts


def _rich_targets(count: int, code: bytes = b"") -> Accounts:
    """Accounts with ether and code for repetitions of a frame."""
    return lambda frame: tuple(PreAccount(target_address(frame, index), 1, 1, code, {}) for index in range(count))


def _large_targets(count: int) -> Accounts:
    """The same, each with a code as large as can be, no two with the same one."""

    def accounts(frame: int) -> tuple[PreAccount, ...]:
        return tuple(
            PreAccount(target_address(frame, index), 1, 1, _jumping_code(PUSHES, CODE_SIZE_BYTES_MAX, frame, index), {})
            for index in range(count)
        )

    return accounts


def _jumping_code(filling: bytes, size: int, *words: int) -> bytes:
    """Code of that size that jumps over the filling of it all and stops; the words behind make it another code."""
    tail = JUMPDEST + STOP + b"".join(word.to_bytes(16, "big") for word in words)
    destination = size - len(tail)
    head = push(destination, 2) + b"\x56"
    body = filling * ((destination - len(head)) // len(filling))
    assert len(head + body) == destination, "the destination must be an instruction"
    return head + body + tail


def _account_reads() -> Iterator[GasCase]:
    there, target = _rich_targets(COLD_REPEATS, STOP), _target
    for name, number in (("BALANCE", 0x31), ("EXTCODESIZE", 0x3B), ("EXTCODEHASH", 0x3F)):
        operation = bytes((number,))
        yield _cold(name, "cold", operation, operands=target, accounts=there)
        yield _cold(name, "cold, no account", operation, operands=target, writes=True)
        yield case(name, "warm", number, b"\x30")
    yield case("EXTCODECOPY", "warm, 0 bytes", 0x3C, b"\x30", 0, 0, 0)
    yield case("EXTCODECOPY", "warm, 1,024 bytes", 0x3C, b"\x30", 0, 0, KIBIBYTE, setup=expand_memory(KIBIBYTE))
    copy = operands(0, 0, 32)
    yield _cold(
        "EXTCODECOPY",
        "cold, 32 bytes",
        b"\x3c",
        operands=lambda index, _: copy + target_word(index),
        setup=expand_memory(32),
        word_count=4,
        accounts=there,
    )
    whole = operands(0, 0, CODE_SIZE_BYTES_MAX)
    yield _cold(
        "EXTCODECOPY",
        "cold, 24,576 bytes",
        b"\x3c",
        operands=lambda index, _: whole + target_word(index),
        setup=expand_memory(CODE_SIZE_BYTES_MAX),
        word_count=4,
        repeats_max=LARGE_REPEATS,
        frames_max=1,
        accounts=_large_targets(LARGE_REPEATS),
    )


def _target(index: int, _position: int) -> bytes:
    return target_word(index)


_CALLS: Final = (
    ("CALL", 0xF1, True),
    ("CALLCODE", 0xF2, True),
    ("DELEGATECALL", 0xF4, False),
    ("STATICCALL", 0xFA, False),
)


def _call_operands(to: bytes, has_value: bool, value: int = 0, input_size: int = 0, gas: bytes = GAS) -> bytes:
    return operands(gas, to, *([value] if has_value else []), 0, input_size, 0, 0)


def _calls() -> Iterator[GasCase]:
    for (name, number, has_value), (variant, code) in product(_CALLS, (("no code", b""), ("STOP", STOP))):
        operation = bytes((number,))
        warm = PreAccount(target_address(0, 0), 1, 1, code, {})
        size = 7 if has_value else 6
        yield GasCase(
            name,
            f"warm, {variant}",
            operation,
            operands=always(_call_operands(target_word(0), has_value)),
            setup=target_word(0) + b"\x31",
            word_count=size,
            accounts=_only(warm),
        )
        yield _cold(
            name,
            f"cold, {variant}",
            operation,
            operands=lambda index, _, has_value=has_value: _call_operands(target_word(index), has_value),
            word_count=size,
            accounts=_rich_targets(STACK_WORDS // size, code),
        )
    yield from _call_variants()


def _call_variants() -> Iterator[GasCase]:
    yield _cold(
        "CALL",
        "cold, 24,576 bytes of code never run before",
        b"\xf1",
        operands=lambda index, _: _call_operands(target_word(index), True),
        word_count=7,
        repeats_max=LARGE_REPEATS,
        frames_max=1,
        writes=True,  # Not that it does: but what was found out about the code is forgotten.
        accounts=_large_targets(LARGE_REPEATS),
    )
    yield _cold(
        "CALL",
        "cold, of value to a new account",
        b"\xf1",
        operands=lambda index, _: _call_operands(target_word(index), True, 1),
        word_count=7,
        writes=True,
        balance_wei=10_000,
    )
    there = PreAccount(target_address(0, 0), 1, 1, STOP, {})
    yield GasCase(
        "CALL",
        "warm, of value",
        b"\xf1",
        operands=always(_call_operands(target_word(0), True, 1)),
        word_count=7,
        frames_max=64,
        writes=True,
        balance_wei=1 << 60,
        accounts=_only(there),
    )
    yield GasCase(
        "CALL",
        "warm, 1,024 bytes of input",
        b"\xf1",
        operands=always(_call_operands(target_word(0), True, 0, KIBIBYTE)),
        setup=expand_memory(KIBIBYTE),
        word_count=7,
        accounts=_only(there),
    )
    delegating = PreAccount(target_address(0, 0), 1, 1, b"\xef\x01\x00" + target_address(0, 1), {})
    delegate = PreAccount(target_address(0, 1), 1, 1, STOP, {})
    yield GasCase(
        "CALL",
        "warm, delegated (EIP-7702)",
        b"\xf1",
        operands=always(_call_operands(target_word(0), True)),
        word_count=7,
        accounts=_only(delegating, delegate),
    )


def _creations() -> Iterator[GasCase]:
    """Init code is calldata, with the index of the repetition in its last word; it is other code each time."""
    largest = operands(0, CODE_SIZE_BYTES_MAX) + b"\xf3"
    for variant, init_code, repeats in (
        ("init code of 32 bytes", STOP * 32, 100),
        ("init code of 49,152 bytes of PUSH1", _jumping_code(PUSHES, INIT_CODE_SIZE_BYTES_MAX, 0, 0), 30),
        ("init code of 49,152 bytes of JUMPDEST", _jumping_code(JUMPDEST, INIT_CODE_SIZE_BYTES_MAX, 0, 0), 30),
        ("24,576 bytes of code", largest.ljust(KIBIBYTE, b"\0"), 10),
    ):
        size = len(init_code)
        for name, operation, tail in (("CREATE", b"\xf0", ()), ("CREATE2", b"\xf5", (7,))):
            yield _cold(
                name,
                variant,
                operation,
                operands=lambda index, _, size=size, tail=tail: (
                    operands(size - 32, index + 1) + MSTORE + operands(0, 0, size, *tail)
                ),
                setup=copy_calldata(),
                word_count=4,
                repeats_max=repeats,
                frames_max=2,
                writes=True,
                calldata=init_code,
            )
    yield _cold(
        "CREATE",
        "destroyed at once",
        b"\xf0",
        operands=always(operands(0, 0, 32)),
        setup=operands(0, 0x30FF << 240) + MSTORE,
        word_count=3,
        repeats_max=100,
        frames_max=2,
        writes=True,
    )


def _destructions() -> Iterator[GasCase]:
    for variant, balance in (("to an account that is there", 0), ("of ether to a new account", 1)):
        heir = always(target_word(0))
        yield GasCase(
            "SELFDESTRUCT",
            variant,
            b"",
            operands=heir,
            ending=b"\xff",
            control_ending=STOP,
            is_apart=True,
            writes=True,
            frames_max=1 << 10,
            balance_wei=balance,
            accounts=_rich_targets(1) if not balance else no_accounts,
        )
