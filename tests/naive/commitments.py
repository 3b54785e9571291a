"""What a mini-block commits to of the state, encoded as nested lists."""

from primitives import rlp
from primitives.state_diff import StateDiff


def encode_state_diff(diff: StateDiff) -> bytes:
    """[[address, [nonce, balance, code hash] or [], [[key, value], ...]], ...], [code, ...]"""
    number = rlp.encode_int
    accounts: list[rlp.Item] = []
    for address, account, storage in diff.accounts:
        fields: list[rlp.Item] = []
        if account is not None:
            fields = [number(account.nonce), number(account.balance), account.code_hash]
        accounts.append([address, fields, [[number(key), number(value)] for key, value in storage]])
    return rlp.encode([accounts, list(diff.codes)])
