"""
Transactions that are not signed yet, of all types, mostly valid.

A plan names its nonce relative to the one that its sender has by then, so that a plan can be dropped from a list and
the others stay what they were. Signing a list of plans counts the nonces.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from evm_jit.state_tests import PreAccount
from primitives.block import BlockEnvironment
from primitives.constants import TRANSACTION_GAS_CAP_OSAKA, U256_MAX, ZERO_ADDRESS
from primitives.forks import Fork
from primitives.intrinsic_gas import floor_gas, intrinsic_gas
from primitives.signature import SECP256K1_N, sign
from primitives.transaction import (
    ACCESS_LIST,
    BLOB,
    DYNAMIC_FEE,
    LEGACY,
    SET_CODE,
    AccessList,
    Authorization,
    Transaction,
)
from primitives.validity import FIRST_FORK_OF_TYPE
from tests.differential.edge_words import random_word
from tests.differential.precompile_inputs import precompile_call
from tests.differential.programs import init_code
from tests.differential.scenes import CONTRACTS, DELEGATED, EOAS, KEYS, MINER, NOBODY, precompiles, scenery

TYPE_WEIGHTS: Final = {LEGACY: 3, ACCESS_LIST: 2, DYNAMIC_FEE: 3, BLOB: 1, SET_CODE: 3}
GAS_AMPLE: Final = (300_000, 600_000, 1_000_000, 2_000_000, 6_000_000)
CREATION_STATEMENTS_MAX: Final = 20
REFUSED_SHARE: Final = 0.05


@dataclass(frozen=True)
class AuthorizationPlan:
    """`flaw` spoils the signature; a plan that `counts` is expected to move the nonce of the account of `key`."""

    key: int
    chain_id: int
    address: bytes
    nonce_shift: int
    flaw: int

    @property
    def counts(self) -> bool:
        return self.chain_id in (0, 1) and not self.nonce_shift and not self.flaw


@dataclass(frozen=True)
class TransactionPlan:
    """
    `fields` lacks nonce, signature and authorizations; `is_refused` if something in it was made wrong on purpose, as by
    `flaw`, which spoils the signature.
    """

    key: int
    fields: Transaction
    nonce_shift: int = 0
    authorizations: tuple[AuthorizationPlan, ...] = ()
    is_refused: bool = False
    flaw: int = 0


def signed(plans: Iterable[TransactionPlan], accounts: Iterable[PreAccount]) -> list[Transaction]:
    """The transactions, with the nonces that their senders have when it is their turn, if none before is refused."""
    nonces = {account.address: account.nonce for account in accounts}
    transactions = []
    for plan in plans:
        sender = EOAS[plan.key]
        nonce = nonces.get(sender, 0)
        if not plan.is_refused:
            nonces[sender] = nonce + 1
        authorizations = tuple(_signed_authorization(entry, nonces) for entry in plan.authorizations)
        fields = replace(plan.fields, nonce=nonce + plan.nonce_shift, authorization_list=authorizations)
        transaction = fields.signed_by(KEYS[plan.key])
        y_parity, r, s = _spoiled_signature(transaction.y_parity, transaction.r, transaction.s, plan.flaw)
        transactions.append(replace(transaction, y_parity=y_parity, r=r, s=s))
    return transactions


def _spoiled_signature(y_parity: int, r: int, s: int, flaw: int) -> tuple[int, int, int]:
    """The signature with the flaw of this number; 0 is none."""
    if flaw == 1:
        return 1 - y_parity, r, SECP256K1_N - s  # Above half of the order.
    if flaw == 2:
        return y_parity, 0, s
    if flaw == 3:
        return y_parity, r, SECP256K1_N
    if flaw == 4:
        return y_parity, (r + 1) % SECP256K1_N, s  # Somebody else's, or nobody's.
    return y_parity, r, s


def _signed_authorization(plan: AuthorizationPlan, nonces: dict[bytes, int]) -> Authorization:
    authority = EOAS[plan.key]
    nonce = nonces.get(authority, 0)
    if plan.counts:
        nonces[authority] = nonce + 1
    entry = Authorization(plan.chain_id, plan.address, max(nonce + plan.nonce_shift, 0), 0, 0, 0)
    y_parity, r, s = sign(KEYS[plan.key], entry.signing_hash())
    y_parity, r, s = _spoiled_signature(y_parity, r, s, plan.flaw)
    if plan.flaw == 5:
        y_parity = 2
    return replace(entry, y_parity=y_parity, r=r, s=s)


def plan_transaction(rng: Random, environment: BlockEnvironment, senders: Sequence[int]) -> TransactionPlan:
    """A transaction of one of `senders`, by their keys' numbers."""
    fork = environment.fork
    types = [kind for kind in TYPE_WEIGHTS if FIRST_FORK_OF_TYPE[kind] <= fork]
    kind = rng.choices(types, [TYPE_WEIGHTS[kind] for kind in types])[0]
    key = rng.choice(senders)
    to, data = _target(rng, fork, kind)
    tip, fee = _fees(rng, environment, kind)
    fields = Transaction(
        type=kind,
        chain_id=environment.chain_id if kind != LEGACY or rng.random() < 0.7 else None,
        nonce=0,
        max_priority_fee_per_gas=tip,
        max_fee_per_gas=fee,
        gas_limit=0,
        to=to,
        value=_value(rng),
        data=data,
        y_parity=0,
        r=0,
        s=0,
        access_list=_access_list(rng, fork) if kind != LEGACY else (),
        max_fee_per_blob_gas=10**12 if kind == BLOB else 0,
        blob_versioned_hashes=tuple(b"\x01" + rng.randbytes(31) for _ in range(rng.randint(1, 3)))
        if kind == BLOB
        else (),
    )
    authorizations = _authorizations(rng, fork, key) if kind == SET_CODE else ()
    plan = TransactionPlan(key, fields, authorizations=authorizations)
    plan = replace(plan, fields=replace(fields, gas_limit=_gas_limit(rng, plan, environment)))
    return _spoiled(rng, plan, environment) if rng.random() < REFUSED_SHARE else plan


def _target(rng: Random, fork: Fork, kind: int) -> tuple[bytes | None, bytes]:
    """Who is called with what; None and init code for a creation."""
    chance = rng.random()
    if chance < 0.1 and kind not in (BLOB, SET_CODE):
        return None, init_code(rng, scenery(fork, 0), 1 + rng.randrange(CREATION_STATEMENTS_MAX))
    if chance < 0.15:
        call = precompile_call(rng, fork)
        return call.address.to_bytes(20, "big"), call.data
    data = b"".join(random_word(rng).to_bytes(32, "big") for _ in range(rng.randrange(4)))
    data += rng.randbytes(rng.randrange(1, 40)) if rng.random() < 0.6 else bytes(rng.randrange(40))
    if chance < 0.25:
        return rng.choice((*EOAS, NOBODY, MINER, *precompiles(fork))), data
    if chance < 0.4 and fork >= Fork.PRAGUE:
        return rng.choice((*DELEGATED, *EOAS)), data
    return CONTRACTS[int(rng.random() ** 2 * len(CONTRACTS))], data


def _fees(rng: Random, environment: BlockEnvironment, kind: int) -> tuple[int, int]:
    """The maximum priority fee and the maximum fee; one price for the types that have one."""
    base_fee = environment.base_fee_per_gas
    tip = rng.choice((0, 1, 10, 10**9))
    fee = base_fee + rng.choice((tip, tip, 2 * tip + 1))
    return (tip, fee) if kind >= DYNAMIC_FEE else (fee, fee)


def _value(rng: Random) -> int:
    return rng.choice((0, 0, 0, 0, 1, 2, 1_000, 10**18))


def _access_list(rng: Random, fork: Fork) -> AccessList:
    addresses = (*CONTRACTS, *EOAS, NOBODY, MINER, *precompiles(fork)[:3], *DELEGATED)
    return tuple(
        (rng.choice(addresses), tuple(rng.randrange(8).to_bytes(32, "big") for _ in range(rng.randrange(4))))
        for _ in range(rng.choice((0, 0, 1, 2, 4)))
    )


def _authorizations(rng: Random, fork: Fork, sender: int) -> tuple[AuthorizationPlan, ...]:
    targets = (*CONTRACTS, *CONTRACTS, *DELEGATED, *EOAS[-2:], *precompiles(fork)[:4], NOBODY, ZERO_ADDRESS)
    return tuple(
        AuthorizationPlan(
            key=sender if rng.random() < 0.15 else rng.randrange(len(KEYS)),
            chain_id=rng.choice((0, 1, 1, 1, 1, 1, 2, 1 << 64)),
            address=rng.choice(targets),
            nonce_shift=rng.choice((0, 0, 0, 0, 0, 0, 1, -1)),
            flaw=rng.randrange(1, 6) if rng.random() < 0.15 else 0,
        )
        for _ in range(rng.choice((1, 1, 2, 3, 5)))
    )


def _least_gas(plan: TransactionPlan, fork: Fork) -> int:
    empty = Authorization(0, ZERO_ADDRESS, 0, 0, 0, 0)
    fields = replace(plan.fields, authorization_list=(empty,) * len(plan.authorizations))
    return max(intrinsic_gas(fields, fork), floor_gas(fields, fork))


def _gas_limit(rng: Random, plan: TransactionPlan, environment: BlockEnvironment) -> int:
    least = _least_gas(plan, environment.fork)
    chance = rng.random()
    if chance < 0.75:
        gas = least + rng.choice(GAS_AMPLE)
    elif chance < 0.9:
        gas = least + rng.randrange(100_000)
    elif chance < 0.98:
        gas = least + rng.randrange(3_000)
    else:
        gas = least
    cap = TRANSACTION_GAS_CAP_OSAKA if environment.fork >= Fork.OSAKA else environment.gas_limit
    return min(gas, cap)


def _spoiled(rng: Random, plan: TransactionPlan, environment: BlockEnvironment) -> TransactionPlan:
    """The plan with one thing wrong, for which it must be refused."""
    fields = plan.fields
    flaws = [
        replace(plan, nonce_shift=1),
        replace(plan, flaw=1 + rng.randrange(4)),
        replace(plan, fields=replace(fields, value=U256_MAX)),
        replace(plan, fields=replace(fields, value=10**30)),
        replace(plan, fields=replace(fields, gas_limit=_least_gas(plan, environment.fork) - 1)),
        replace(plan, fields=replace(fields, gas_limit=environment.gas_limit + 1)),
        replace(plan, fields=replace(fields, chain_id=2)),
    ]
    if environment.base_fee_per_gas and environment.fork >= Fork.LONDON:
        low = environment.base_fee_per_gas - 1
        flaws.append(replace(plan, fields=replace(fields, max_fee_per_gas=low, max_priority_fee_per_gas=low)))
    if fields.type >= DYNAMIC_FEE:
        flaws.append(replace(plan, fields=replace(fields, max_priority_fee_per_gas=fields.max_fee_per_gas + 1)))
    if fields.type == BLOB:
        flaws.append(replace(plan, fields=replace(fields, blob_versioned_hashes=())))
        flaws.append(replace(plan, fields=replace(fields, blob_versioned_hashes=(b"\x01" + bytes(31),) * 10)))
        flaws.append(replace(plan, fields=replace(fields, blob_versioned_hashes=(b"\x02" + bytes(31),))))
        flaws.append(replace(plan, fields=replace(fields, max_fee_per_blob_gas=0)))
    if fields.type == SET_CODE:
        flaws.append(replace(plan, authorizations=()))
    return replace(rng.choice(flaws), is_refused=True)
