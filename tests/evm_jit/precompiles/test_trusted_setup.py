"""The points of the ceremony, loaded in the two ways."""

import threading

import ckzg

from evm_jit.precompiles import trusted_setup

BLOB = bytes(31) + b"\x05" + bytes(32 * 4_095)
Z = bytes(31) + b"\x07"


def test_both_loaders_give_points_that_prove_and_verify_the_same():
    directly, by_library = trusted_setup._load_without_lock(), trusted_setup._load()
    commitment = ckzg.blob_to_kzg_commitment(BLOB, by_library)
    assert commitment == ckzg.blob_to_kzg_commitment(BLOB, directly)
    proof, y = ckzg.compute_kzg_proof(BLOB, Z, by_library)
    assert (proof, y) == ckzg.compute_kzg_proof(BLOB, Z, directly)
    assert ckzg.verify_kzg_proof(commitment, Z, y, proof, directly)
    assert not ckzg.verify_kzg_proof(commitment, Z, Z, proof, directly)


def test_other_threads_run_while_the_points_are_loaded():
    """The library's own loader, which keeps the lock, is the control."""

    def turns_during(load) -> int:
        turns, is_loading, stopped = 0, threading.Event(), threading.Event()

        def count() -> None:
            nonlocal turns
            is_loading.wait()
            while not stopped.is_set():
                turns += 1

        counter = threading.Thread(target=count)
        counter.start()
        is_loading.set()
        load()
        stopped.set()
        counter.join()
        return turns

    assert turns_during(trusted_setup._load_without_lock) > 10 * turns_during(trusted_setup._load)


def test_it_is_loaded_once_for_all_threads():
    trusted_setup.begin_to_load()
    assert trusted_setup.trusted_setup() is trusted_setup.trusted_setup()
