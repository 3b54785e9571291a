import pytest

from primitives.block import header_of_fork
from primitives.chain import ChainConfig
from primitives.forks import Fork
from sequencer.fees import base_fee_after, next_base_fee, suggested_tip


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


def header(fork: Fork = Fork.PRAGUE, **fields: object):
    blank = dict.fromkeys(("parent_hash", "state_root", "transactions_root", "receipts_root"), bytes(32))
    numbers = {"number": 4, "gas_limit": 20_000_000, "gas_used": 20_000_000, "timestamp": 9}
    return header_of_fork(fork, **{**blank, **numbers, "coinbase": bytes(20), "bloom": bytes(256), **fields})


def test_a_constant_base_fee_stays_whatever_blocks_hold():
    chain = ChainConfig(base_fee_per_gas=5)
    assert base_fee_after(header(base_fee_per_gas=1_000), chain) == 5
    assert suggested_tip(chain) == 0


def test_an_adjusting_base_fee_starts_with_the_chains_own():
    chain = ChainConfig(base_fee_per_gas=5, base_fee_adjusts=True)
    assert base_fee_after(header(base_fee_per_gas=800), chain) == 900
    assert base_fee_after(header(Fork.BERLIN), chain) == 5
    assert suggested_tip(chain) == 10**9
