"""BLAKE2F: against Python's own BLAKE2b, EIP-152's vectors, and py-evm's slow form on random input."""

import hashlib
import random
import sys
import threading
import time

import pytest
from eth._utils.blake2.coders import extract_blake2b_parameters
from eth._utils.blake2.compression import blake2b_compress

from evm_jit.precompiles import PrecompileFailed, blake2f


def test_twelve_rounds_are_blake2b():
    parameters = (0x01010000 ^ 64).to_bytes(8, "little")
    state = [int(word) for word in blake2f.IV]
    state[0] ^= int.from_bytes(parameters, "little")
    message = b"abc"
    data = (12).to_bytes(4, "big") + b"".join(word.to_bytes(8, "little") for word in state)
    data += message.ljust(128, b"\x00") + len(message).to_bytes(16, "little") + b"\x01"
    assert blake2f.run(data) == hashlib.blake2b(message).digest()


def test_random_input_gives_what_the_slow_form_gives():
    generator = random.Random(152)
    for round_count in (0, 1, 9, 10, 11, 25):
        for final in (0, 1):
            data = round_count.to_bytes(4, "big") + generator.randbytes(208) + bytes((final,))
            assert blake2f.gas(data) == round_count
            assert blake2f.run(data) == blake2b_compress(*extract_blake2b_parameters(data))


@pytest.mark.parametrize("data", [b"", bytes(212), bytes(214), bytes(212) + b"\x02"])
def test_other_lengths_and_flags_fail(data):
    with pytest.raises(PrecompileFailed):
        blake2f.run(data)


def test_other_threads_run_while_it_computes():
    turns = 0
    is_over = False

    def take_turns():
        nonlocal turns
        while not is_over:
            turns += 1
            time.sleep(0)

    blake2f.run(bytes(blake2f.INPUT_SIZE_BYTES))  # Compiled before.
    other = threading.Thread(target=take_turns)
    interval_s = sys.getswitchinterval()
    other.start()
    sys.setswitchinterval(3_600)  # Nobody is interrupted: the other's turn comes when the lock is given away.
    try:
        turns_before = turns
        blake2f.run((5_000_000).to_bytes(4, "big") + bytes(209))
        turns_after = turns
    finally:
        sys.setswitchinterval(interval_s)
        is_over = True
        other.join()
    assert turns_after > turns_before
