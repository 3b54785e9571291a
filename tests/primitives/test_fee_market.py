import pytest

from primitives.fee_market import (
    BLOB_PARAMETERS,
    BlobParameters,
    blob_base_fee_after,
    fake_exponential,
    next_base_fee,
    next_excess_blob_gas,
)
from primitives.forks import Fork
from primitives.validity import GAS_PER_BLOB

CANCUN, OSAKA = BLOB_PARAMETERS[Fork.CANCUN], BLOB_PARAMETERS[Fork.OSAKA]


@pytest.mark.parametrize(
    ("base_fee", "gas_used", "expected"),
    [
        (1_000_000_000, 10_000_000, 1_000_000_000),
        (1_000_000_000, 20_000_000, 1_125_000_000),
        (1_000_000_000, 0, 875_000_000),
        (1_000_000_000, 9_000_000, 987_500_000),
        (1_000_000_000, 11_000_000, 1_012_500_000),
        (1_072_671_875, 9_000_000, 1_059_263_477),  # Both divisions round down.
        (1, 10_000_001, 2),  # It always rises by one at least.
        (7, 0, 7),  # An eighth of it is less than one.
        (0, 20_000_000, 1),
    ],
)
def test_the_base_fee_follows_eip_1559(base_fee, gas_used, expected):
    assert next_base_fee(base_fee, gas_used, 20_000_000) == expected


def test_fake_exponential_is_that_of_eip_4844():
    assert fake_exponential(1, 0, 3_338_477) == 1
    assert fake_exponential(2, 5, 2) == 23  # EIP-4844's own example: 2 * e^2.5 = 24.36, less what integers lose.


def test_the_blob_base_fee_starts_at_one_wei_and_follows_the_fraction():
    assert blob_base_fee_after(0, CANCUN.base_fee_update_fraction) == 1
    assert blob_base_fee_after(10 * 2**20, CANCUN.base_fee_update_fraction) == 23
    assert blob_base_fee_after(10 * 2**20, OSAKA.base_fee_update_fraction) == 8


@pytest.mark.parametrize(
    ("excess_blobs", "used_blobs", "expected_blobs"), [(0, 0, 0), (0, 2, 0), (2, 1, 0), (0, 6, 3), (10, 0, 7)]
)
def test_excess_blob_gas_is_what_is_above_the_target(excess_blobs, used_blobs, expected_blobs):
    excess, used = excess_blobs * GAS_PER_BLOB, used_blobs * GAS_PER_BLOB
    assert next_excess_blob_gas(Fork.CANCUN, CANCUN, excess, used, 10**9) == expected_blobs * GAS_PER_BLOB


def test_from_osaka_on_a_base_fee_holds_the_excess_up():
    """EIP-7918: 16 times the blob base fee is where the base fee begins to count."""
    excess, used = 10 * GAS_PER_BLOB, 9 * GAS_PER_BLOB
    assert next_excess_blob_gas(Fork.OSAKA, OSAKA, excess, used, 16) == 13 * GAS_PER_BLOB
    assert next_excess_blob_gas(Fork.OSAKA, OSAKA, excess, used, 17) == 13 * GAS_PER_BLOB
    assert next_excess_blob_gas(Fork.OSAKA, OSAKA, excess, 0, 16) == 4 * GAS_PER_BLOB
    assert next_excess_blob_gas(Fork.OSAKA, OSAKA, excess, 0, 17) == excess
    assert next_excess_blob_gas(Fork.PRAGUE, OSAKA, excess, 0, 17) == 4 * GAS_PER_BLOB


def test_a_fork_of_blob_parameters_alone_has_its_own_target():
    parameters = BlobParameters(target=14, max=21, base_fee_update_fraction=11_684_671)
    assert next_excess_blob_gas(Fork.OSAKA, parameters, 0, 15 * GAS_PER_BLOB, 0) == GAS_PER_BLOB
