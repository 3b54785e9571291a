import json

import rlp as reference
from eth_bloom import BloomFilter
from hypothesis import given
from hypothesis import strategies as st

from primitives.block import Header
from primitives.constants import EMPTY_LIST_HASH
from primitives.keccak import keccak256
from primitives.receipt import Log, Receipt, bloom_bits, logs_bloom, logs_hash, merge_blooms
from primitives.rlp import as_list, decode, decode_prefix, encode
from statestore.ordered_trie import ordered_trie_root
from tests import public_data

ADDRESSES = st.binary(min_size=20, max_size=20)
LOGS = st.builds(
    Log, ADDRESSES, st.lists(st.binary(min_size=32, max_size=32), max_size=4).map(tuple), st.binary(max_size=70)
)


def octets(text: str) -> bytes:
    return bytes.fromhex(text[2:])


@given(st.lists(LOGS, max_size=4))
def test_the_bloom_agrees_with_eth_bloom(logs):
    bloom = BloomFilter()
    for log in logs:
        bloom.add(log.address)
        bloom.extend(log.topics)
    assert logs_bloom(logs) == int(bloom).to_bytes(256, "big")


@given(st.lists(st.lists(LOGS, max_size=3), max_size=3))
def test_the_bloom_of_a_block_is_that_of_all_its_logs(groups):
    together = [log for group in groups for log in group]
    assert merge_blooms([logs_bloom(group) for group in groups]) == logs_bloom(together)


@given(LOGS)
def test_a_bloom_has_every_bit_of_what_was_added(log):
    bits = int.from_bytes(logs_bloom([log]), "big")
    for value in (log.address, *log.topics):
        assert bits & bloom_bits(value) == bloom_bits(value)


@given(st.integers(0, 4), st.booleans(), st.integers(0, 2**64 - 1), st.lists(LOGS, max_size=3))
def test_the_encoding_is_the_type_and_rlp_of_status_gas_bloom_and_logs(kind, succeeded, cumulative, logs):
    receipt = Receipt(kind, succeeded, cumulative, 21_000, tuple(logs), 1)
    encoded = receipt.raw
    if kind:
        assert encoded[0] == kind
        encoded = encoded[1:]
    members = [[log.address, list(log.topics), log.data] for log in logs]
    assert encoded == reference.encode([b"\x01" if succeeded else b"", cumulative, receipt.bloom, members])


def test_price_and_contract_address_are_no_part_of_the_encoding():
    one = Receipt(2, True, 100, 100, (), 1)
    other = Receipt(2, True, 100, 60, (), 7, contract_address=bytes(20))
    assert one.raw == other.raw


def test_the_logs_hash_is_that_of_state_tests():
    assert logs_hash([]) == EMPTY_LIST_HASH
    log = Log(b"\x01" * 20, (b"\x02" * 32,), b"data")
    assert logs_hash([log]) == keccak256(encode([[log.address, [log.topics[0]], log.data]]))


def test_the_receipts_of_a_public_block_have_the_root_and_bloom_of_its_header():
    folder = public_data.data("execution-apis/tests")
    reply = (folder / "eth_getBlockReceipts" / "get-block-receipts-latest.io").read_text()
    result = json.loads(next(line for line in reply.splitlines() if line.startswith("<< "))[3:])["result"]
    receipts = []
    for member in result:
        logs = tuple(
            Log(octets(log["address"]), tuple(octets(topic) for topic in log["topics"]), octets(log["data"]))
            for log in member["logs"]
        )
        gas, cumulative, price = (
            int(member[name], 16) for name in ("gasUsed", "cumulativeGasUsed", "effectiveGasPrice")
        )
        receipt = Receipt(int(member["type"], 16), member["status"] == "0x1", cumulative, gas, logs, price)
        assert receipt.bloom == octets(member["logsBloom"])
        receipts.append(receipt)
    header = last_header((folder / "chain.rlp").read_bytes())
    assert header.hash == octets(result[0]["blockHash"])
    assert ordered_trie_root([receipt.raw for receipt in receipts]) == header.receipts_root
    assert merge_blooms([receipt.bloom for receipt in receipts]) == header.bloom


def last_header(chain: bytes) -> Header:
    position = 0
    while position < len(chain):
        block, position = decode_prefix(chain, position)
    return Header.decode(encode(as_list(block, "block")[0]))


def test_a_decoded_receipt_has_the_same_members():
    receipt = Receipt(0, True, 5, 5, (Log(bytes(20), (), b""),), 1)
    status, gas, bloom, logs = as_list(decode(receipt.raw), "receipt", 4)
    assert (status, gas, bloom, logs) == (b"\x01", b"\x05", receipt.bloom, [[bytes(20), [], b""]])
