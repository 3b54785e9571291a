from primitives.block import header_of_fork
from primitives.chain import ChainConfig
from primitives.forks import Fork
from sequencer.fees import base_fee_after, suggested_tip


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
