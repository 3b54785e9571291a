"""
The transaction object of eth_call, eth_estimateGas and eth_sendTransaction, and the overrides of eth_call.

Every member that a client may send is read strictly; members that nobody knows are ignored, as geth does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from primitives.block import BlockEnvironment
from primitives.chain import ChainConfig
from primitives.constants import ZERO_ADDRESS
from primitives.errors import FeeCapTooLow, TipAboveFeeCap
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
from rpc.encoding import (
    read_address,
    read_big,
    read_data,
    read_hash,
    read_height,
    read_list,
    read_number,
    read_object,
    read_quantity,
)
from rpc.errors import InvalidValue, ServerError
from statestore.overlay import Overlay

LIST_ENTRIES_MAX: Final = 10_000  # Of an access list, a storage override, ...: a body of 5 MB could hold more.


@dataclass(frozen=True)
class CallArguments:
    """A transaction that is not signed yet; what was not given is None. Fees and value in wei."""

    sender: bytes | None = None
    to: bytes | None = None
    gas: int | None = None
    gas_price: int | None = None
    max_fee_per_gas: int | None = None
    max_priority_fee_per_gas: int | None = None
    value: int = 0
    nonce: int | None = None
    data: bytes = b""
    access_list: AccessList | None = None
    chain_id: int | None = None
    type: int | None = None
    blob_versioned_hashes: tuple[bytes, ...] = ()
    authorization_list: tuple[Authorization, ...] | None = None

    @property
    def caller(self) -> bytes:
        """The sender, the zero address if none was given."""
        return self.sender or ZERO_ADDRESS

    def check_chain(self, chain_id: int) -> None:
        """ServerError if the transaction is meant for another chain."""
        if self.chain_id is not None and self.chain_id != chain_id:
            raise ServerError(f"chainId does not match node's (have={self.chain_id}, want={chain_id})")

    def price_of_gas(self, environment: BlockEnvironment) -> int:
        """The effective gas price of a call, 0 if no price was given; the errors of a price that can't be paid."""
        self._check_fee_members()
        if self.gas_price is not None:
            return self.gas_price
        tip = self.max_priority_fee_per_gas or 0
        if self.max_fee_per_gas is None:
            return environment.base_fee_per_gas + tip if tip else 0
        if tip > self.max_fee_per_gas:
            raise TipAboveFeeCap(tip, self.max_fee_per_gas)
        if self.max_fee_per_gas and self.max_fee_per_gas < environment.base_fee_per_gas:
            raise FeeCapTooLow(self.caller, self.max_fee_per_gas, environment.base_fee_per_gas)
        return min(self.max_fee_per_gas, environment.base_fee_per_gas + tip)

    def completed(self, chain_id: int, nonce: int, gas: int, base_fee_per_gas: int, tip: int) -> Transaction:
        """The unsigned transaction; members that were given win over the arguments. Fees in wei."""
        self._check_fee_members()
        if self.gas_price is not None:
            kind = LEGACY if self.access_list is None else ACCESS_LIST
            max_fee = max_tip = self.gas_price
        else:
            kind = DYNAMIC_FEE if self.authorization_list is None else SET_CODE
            max_tip = tip if self.max_priority_fee_per_gas is None else self.max_priority_fee_per_gas
            if self.max_priority_fee_per_gas is None and self.max_fee_per_gas is not None:
                max_tip = min(max_tip, self.max_fee_per_gas)
            max_fee = max_tip + 2 * base_fee_per_gas if self.max_fee_per_gas is None else self.max_fee_per_gas
        if self.type == LEGACY and self.gas_price is None:
            kind, max_tip = LEGACY, max_fee
        return Transaction(
            type=kind,
            chain_id=chain_id,
            nonce=nonce if self.nonce is None else self.nonce,
            max_priority_fee_per_gas=max_tip,
            max_fee_per_gas=max_fee,
            gas_limit=gas if self.gas is None else self.gas,
            to=self.to,
            value=self.value,
            data=self.data,
            y_parity=0,
            r=0,
            s=0,
            access_list=self.access_list or (),
            authorization_list=self.authorization_list or (),
        )

    def _check_fee_members(self) -> None:
        if self.gas_price is not None and (
            self.max_fee_per_gas is not None or self.max_priority_fee_per_gas is not None
        ):
            raise ServerError("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")


def read_call(value: Any) -> CallArguments:
    """A transaction object."""
    members = read_object(value, "ethapi.TransactionArgs")
    read = _Members("TransactionArgs", members)
    payload = read("data", read_data)
    given = read("input", read_data)
    if payload is not None and given is not None and payload != given:
        raise InvalidValue(
            'both "data" and "input" are set and not equal. Please use "input" to pass transaction call data'
        )
    kind = read("type", read_number)
    if kind is not None and kind > SET_CODE:
        raise InvalidValue(f"transaction type not supported: transaction type not valid, got type 0x{kind:x}")
    hashes = read("blobVersionedHashes", _read_hashes) or ()
    if (hashes or kind == BLOB) and read("to", read_address) is None:
        raise InvalidValue('missing "to" in blob transaction')
    read("maxFeePerBlobGas", read_big)
    return CallArguments(
        sender=read("from", read_address),
        to=read("to", read_address),
        gas=read("gas", read_quantity),
        gas_price=read("gasPrice", read_big),
        max_fee_per_gas=read("maxFeePerGas", read_big),
        max_priority_fee_per_gas=read("maxPriorityFeePerGas", read_big),
        value=read("value", read_big) or 0,
        nonce=read("nonce", read_quantity),
        data=given if given is not None else payload or b"",
        access_list=read("accessList", _read_access_list),
        chain_id=read("chainId", read_big),
        type=kind,
        blob_versioned_hashes=hashes,
        authorization_list=read("authorizationList", _read_authorizations),
    )


@dataclass(frozen=True)
class AccountOverride:
    """What eth_call is to believe of an account; None keeps what is there. `storage` replaces all slots."""

    balance: int | None
    nonce: int | None
    code: bytes | None
    storage: Mapping[int, int] | None
    slots: Mapping[int, int] = field(default_factory=dict)

    def write_to(self, overlay: Overlay, address: bytes) -> None:
        """Make it so."""
        if self.balance is not None:
            overlay.set_balance(address, self.balance)
        if self.nonce is not None:
            overlay.set_nonce(address, self.nonce)
        if self.code is not None:
            overlay.set_code(address, self.code)
        if self.storage is not None:
            overlay.override(address, self.storage)
        for key, value in self.slots.items():
            overlay.set_storage(address, key, value)


def read_state_overrides(value: Any) -> dict[bytes, AccountOverride]:
    """The third argument of eth_call: overrides by address."""
    overrides = read_object(value, "override.StateOverride")
    _check_length(overrides)
    return {read_address(address): _read_account_override(item) for address, item in overrides.items()}


def _read_account_override(value: Any) -> AccountOverride:
    read = _Members("OverrideAccount", read_object(value, "override.OverrideAccount"))
    if read("movePrecompileToAddress", read_address) is not None:
        raise InvalidValue("movePrecompileToAddress is not supported")
    storage = read("state", _read_slots)
    slots = read("stateDiff", _read_slots)
    if storage is not None and slots is not None:
        raise InvalidValue("account has both 'state' and 'stateDiff'")
    return AccountOverride(
        balance=read("balance", read_big),
        nonce=read("nonce", read_quantity),
        code=read("code", read_data),
        storage=storage,
        slots=slots or {},
    )


@dataclass(frozen=True)
class BlockOverrides:
    """What eth_call is to believe of the block; None keeps what is there."""

    number: int | None = None
    difficulty: int | None = None
    time: int | None = None
    gas_limit: int | None = None
    coinbase: bytes | None = None
    prev_randao: bytes | None = None
    base_fee_per_gas: int | None = None

    def apply(self, environment: BlockEnvironment, chain: ChainConfig) -> BlockEnvironment:
        """The environment with the overrides; the fork follows number and time."""
        given = {
            "number": self.number,
            "difficulty": self.difficulty,
            "timestamp": self.time,
            "gas_limit": self.gas_limit,
            "coinbase": self.coinbase,
            "prev_randao": self.prev_randao,
            "base_fee_per_gas": self.base_fee_per_gas,
        }
        changed: BlockEnvironment = replace(
            environment,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
        )
        if self.number is None and self.time is None:
            return changed
        return replace(changed, fork=chain.schedule.fork_at(changed.number, changed.timestamp))


def read_block_overrides(value: Any) -> BlockOverrides:
    """The fourth argument of eth_call; older names of members count, too."""
    read = _Members("BlockOverrides", read_object(value, "override.BlockOverrides"))
    if read("blobBaseFee", read_big) is not None:
        raise InvalidValue("blobBaseFee is not supported")
    coinbase, randao = read("feeRecipient", read_address), read("prevRandao", read_hash)
    base_fee = read("baseFeePerGas", read_big)
    return BlockOverrides(
        number=read("number", read_height),
        difficulty=read("difficulty", read_big),
        time=read("time", read_quantity),
        gas_limit=read("gasLimit", read_quantity),
        coinbase=coinbase if coinbase is not None else read("coinbase", read_address),
        prev_randao=randao if randao is not None else read("random", read_hash),
        base_fee_per_gas=base_fee if base_fee is not None else read("baseFee", read_big),
    )


class _Members:
    """Reads members of one object; an error names the member."""

    def __init__(self, struct: str, members: Mapping[str, Any]) -> None:
        self._struct = struct
        self._members = members

    def __call__(self, name: str, read: Callable[[Any], Any]) -> Any:
        """The member, None if it is missing or null."""
        value = self._members.get(name)
        if value is None:
            return None
        try:
            return read(value)
        except InvalidValue as error:
            if error.go_type is None:
                raise
            raise InvalidValue(error.reason, error.go_type, f"{self._struct}.{name}") from None


def _read_hashes(value: Any) -> tuple[bytes, ...]:
    hashes = read_list(value, "[]common.Hash")
    _check_length(hashes)
    return tuple(read_hash(item) for item in hashes)


def _read_access_list(value: Any) -> AccessList:
    entries = []
    count = 0
    for item in read_list(value, "types.AccessList"):
        members = read_object(item, "types.AccessTuple")
        keys = tuple(read_hash(key) for key in read_list(members.get("storageKeys") or [], "[]common.Hash"))
        count += 1 + len(keys)
        _check_count(count)
        entries.append((read_address(members.get("address")), keys))
    return tuple(entries)


def _read_authorizations(value: Any) -> tuple[Authorization, ...]:
    entries = read_list(value, "[]types.SetCodeAuthorization")
    _check_length(entries)
    read = []
    for item in entries:
        members = read_object(item, "types.SetCodeAuthorization")
        read.append(
            Authorization(
                chain_id=read_big(members.get("chainId")),
                address=read_address(members.get("address")),
                nonce=read_quantity(members.get("nonce")),
                y_parity=read_quantity(members.get("yParity"), 8),
                r=read_big(members.get("r")),
                s=read_big(members.get("s")),
            )
        )
    return tuple(read)


def _read_slots(value: Any) -> dict[int, int]:
    slots = read_object(value, "map[common.Hash]common.Hash")
    _check_length(slots)
    return {int.from_bytes(read_hash(key)): int.from_bytes(read_hash(slot)) for key, slot in slots.items()}


def _check_length(items: Any) -> None:
    _check_count(len(items))


def _check_count(count: int) -> None:
    if count > LIST_ENTRIES_MAX:
        raise InvalidValue(f"more than {LIST_ENTRIES_MAX} entries")
