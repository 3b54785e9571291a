"""
Signed transactions of types 0 to 4 (EIP-2718): decode strictly, encode, hash, recover the sender.

One class holds all types: fields that a type lacks have their neutral value, and a legacy or access-list
transaction has its gas price in both fee fields, so that fee arithmetic is written once.
A decoded transaction keeps the bytes it came from; its hash is the Keccak-256 of just these bytes.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from primitives import rlp
from primitives.constants import U64_MAX
from primitives.errors import DecodingError, InvalidSignature, MalformedTransaction, TypeNotSupported
from primitives.keccak import keccak256
from primitives.signature import recover, sign

LEGACY: Final = 0
ACCESS_LIST: Final = 1  # EIP-2930
DYNAMIC_FEE: Final = 2  # EIP-1559
BLOB: Final = 3  # EIP-4844
SET_CODE: Final = 4  # EIP-7702

SET_CODE_MAGIC: Final = b"\x05"

AccessList = tuple[tuple[bytes, tuple[bytes, ...]], ...]


@dataclass(frozen=True, slots=True)
class Authorization:
    """An entry of a set-code transaction's list: `authority` lets its account run the code at `address`."""

    chain_id: int
    address: bytes
    nonce: int
    y_parity: int
    r: int
    s: int

    def signing_hash(self) -> bytes:
        """keccak256(0x05 || rlp([chain id, address, nonce])), EIP-7702."""
        fields: list[rlp.Item] = [rlp.encode_int(self.chain_id), self.address, rlp.encode_int(self.nonce)]
        return keccak256(SET_CODE_MAGIC + rlp.encode(fields))

    def authority(self) -> bytes | None:
        """The address that signed, or None when the signature is invalid (then the entry is skipped)."""
        try:
            return recover(self.signing_hash(), self.y_parity, self.r, self.s)
        except InvalidSignature:
            return None


@dataclass(frozen=True)
class Transaction:
    """
    A signed transaction. Fees and value in wei; `to` is None for a creation.

    `chain_id` is None for a legacy transaction without replay protection (v 27 or 28).
    """

    type: int
    chain_id: int | None
    nonce: int
    max_priority_fee_per_gas: int
    max_fee_per_gas: int
    gas_limit: int
    to: bytes | None
    value: int
    data: bytes
    y_parity: int
    r: int
    s: int
    access_list: AccessList = ()
    max_fee_per_blob_gas: int = 0
    blob_versioned_hashes: tuple[bytes, ...] = ()
    authorization_list: tuple[Authorization, ...] = ()
    known_sender: bytes | None = field(default=None, compare=False, repr=False)

    @cached_property
    def raw(self) -> bytes:
        """The EIP-2718 envelope: what is sent, stored and hashed."""
        signature = [rlp.encode_int(self._v), rlp.encode_int(self.r), rlp.encode_int(self.s)]
        return self._envelope(self._payload() + signature)

    @cached_property
    def hash(self) -> bytes:
        """Keccak-256 of the envelope."""
        return keccak256(self.raw)

    @cached_property
    def sender(self) -> bytes:
        """The address that signed; InvalidSignature if there is none or s is high (EIP-2)."""
        return self.known_sender or self.recover_sender()

    def recover_sender(self, *, low_s: bool = True) -> bytes:
        """The address that signed, computed anew; `low_s` off takes Frontier's high s too."""
        return recover(self.signing_hash, self.y_parity, self.r, self.s, low_s=low_s)

    @cached_property
    def signing_hash(self) -> bytes:
        """The digest that was signed (EIP-155 for protected legacy transactions)."""
        payload = self._payload()
        if self.type == LEGACY and self.chain_id is not None:
            payload += [rlp.encode_int(self.chain_id), b"", b""]
        return keccak256(self._envelope(payload))

    @property
    def _v(self) -> int:
        if self.type != LEGACY:
            return self.y_parity
        return self.y_parity + (27 if self.chain_id is None else 35 + 2 * self.chain_id)

    @property
    def v(self) -> int:
        """The `v` that JSON-RPC shows: EIP-155's for legacy transactions, else the y parity."""
        return self._v

    def effective_gas_price(self, base_fee_per_gas: int) -> int:
        """What a unit of gas costs the sender in a block with this base fee, in wei (EIP-1559)."""
        return min(self.max_fee_per_gas, base_fee_per_gas + self.max_priority_fee_per_gas)

    def signed_by(self, private_key: bytes) -> "Transaction":
        """This transaction with the signature of `private_key`; whatever signature it had is replaced."""
        y_parity, r, s = sign(private_key, self.signing_hash)
        return replace(self, y_parity=y_parity, r=r, s=s, known_sender=None)

    def _envelope(self, payload: list[rlp.Item]) -> bytes:
        prefix = b"" if self.type == LEGACY else bytes((self.type,))
        return prefix + rlp.encode(payload)

    def _payload(self) -> list[rlp.Item]:
        """The fields before the signature, in the order of the type's EIP."""
        number = rlp.encode_int
        to = self.to or b""
        tail: list[rlp.Item] = [number(self.gas_limit), to, number(self.value), self.data]
        if self.type == LEGACY:
            return [number(self.nonce), number(self.max_fee_per_gas), *tail]
        assert self.chain_id is not None, "only legacy transactions lack a chain id"
        head: list[rlp.Item] = [number(self.chain_id), number(self.nonce)]
        accesses: rlp.Item = [[address, list(keys)] for address, keys in self.access_list]
        if self.type == ACCESS_LIST:
            return [*head, number(self.max_fee_per_gas), *tail, accesses]
        fees: list[rlp.Item] = [number(self.max_priority_fee_per_gas), number(self.max_fee_per_gas)]
        payload: list[rlp.Item] = [*head, *fees, *tail, accesses]
        if self.type == BLOB:
            payload += [number(self.max_fee_per_blob_gas), list(self.blob_versioned_hashes)]
        if self.type == SET_CODE:
            payload.append([_authorization_item(entry) for entry in self.authorization_list])
        return payload


def decode_transaction(raw: bytes, known_sender: bytes | None = None) -> Transaction:
    """
    The transaction that `raw` encodes (EIP-2718), every type 0 to 4, canonical form only.

    Raises MalformedTransaction or TypeNotSupported. Ranges of the signature are checked by `sender`, unless
    `known_sender` says who signed (20 bytes, from a record that can be trusted).
    """
    if not raw:
        raise MalformedTransaction("typed transaction too short")
    try:
        if raw[0] >= 0xC0:
            transaction = _decode_legacy(rlp.as_list(rlp.decode(raw), "transaction", 9), known_sender)
        elif raw[0] in _FIELD_COUNT:
            kind = raw[0]
            items = rlp.as_list(rlp.decode(raw[1:]), "transaction", _FIELD_COUNT[kind])
            transaction = _decode_typed(kind, items, known_sender)
        elif raw[0] < 0x80:
            raise TypeNotSupported(raw[0])
        else:
            raise DecodingError("rlp: transaction is bytes, expected a list")
    except DecodingError as error:
        raise MalformedTransaction(str(error)) from error
    transaction.__dict__["raw"] = bytes(raw)
    return transaction


_FIELD_COUNT: Final = {ACCESS_LIST: 11, DYNAMIC_FEE: 12, BLOB: 14, SET_CODE: 13}


def _decode_legacy(items: list[rlp.Item], known_sender: bytes | None) -> Transaction:
    nonce, gas_price, gas_limit, to, value, data, v_item, r, s = items
    v = rlp.as_int(v_item, "v")
    if v in (27, 28):
        chain_id, y_parity = None, v - 27
    elif v >= 35:
        chain_id, y_parity = (v - 35) // 2, (v - 35) % 2
    else:
        raise MalformedTransaction(f"invalid transaction v, r, s values: v is {v}")
    price = rlp.as_int(gas_price, "gas price")
    return Transaction(
        type=LEGACY,
        chain_id=chain_id,
        nonce=rlp.as_int(nonce, "nonce", 8),
        max_priority_fee_per_gas=price,
        max_fee_per_gas=price,
        gas_limit=rlp.as_int(gas_limit, "gas limit", 8),
        to=_decode_to(to),
        value=rlp.as_int(value, "value"),
        data=rlp.as_bytes(data, "data"),
        y_parity=y_parity,
        r=rlp.as_int(r, "r"),
        s=rlp.as_int(s, "s"),
        known_sender=known_sender,
    )


def _decode_typed(kind: int, items: list[rlp.Item], known_sender: bytes | None) -> Transaction:
    chain_id, nonce, *rest = items
    if kind == ACCESS_LIST:
        max_fee = priority_fee = rlp.as_int(rest.pop(0), "gas price")
    else:
        priority_fee = rlp.as_int(rest.pop(0), "max priority fee per gas")
        max_fee = rlp.as_int(rest.pop(0), "max fee per gas")
    gas_limit, to, value, data, access_list, *extra = rest
    y_parity, r, s = extra[-3:]
    blob_fee: int = 0
    blob_hashes: tuple[bytes, ...] = ()
    authorizations: tuple[Authorization, ...] = ()
    if kind == BLOB:
        blob_fee = rlp.as_int(extra[0], "max fee per blob gas")
        blob_hashes = tuple(
            rlp.as_bytes(item, "blob versioned hash", 32) for item in rlp.as_list(extra[1], "blob versioned hashes")
        )
    if kind == SET_CODE:
        authorizations = tuple(_decode_authorization(item) for item in rlp.as_list(extra[0], "authorization list"))
    return Transaction(
        type=kind,
        chain_id=rlp.as_int(chain_id, "chain id"),
        nonce=rlp.as_int(nonce, "nonce", 8),
        max_priority_fee_per_gas=priority_fee,
        max_fee_per_gas=max_fee,
        gas_limit=rlp.as_int(gas_limit, "gas limit", 8),
        to=_decode_to(to),
        value=rlp.as_int(value, "value"),
        data=rlp.as_bytes(data, "data"),
        y_parity=rlp.as_int(y_parity, "y parity"),
        r=rlp.as_int(r, "r"),
        s=rlp.as_int(s, "s"),
        access_list=_decode_access_list(access_list),
        max_fee_per_blob_gas=blob_fee,
        blob_versioned_hashes=blob_hashes,
        authorization_list=authorizations,
        known_sender=known_sender,
    )


def _decode_to(item: rlp.Item) -> bytes | None:
    to = rlp.as_bytes(item, "to")
    if len(to) not in (0, 20):
        raise DecodingError(f"rlp: to has {len(to)} bytes, expected 20 or none")
    return to or None


def _decode_access_list(item: rlp.Item) -> AccessList:
    entries = []
    for entry in rlp.as_list(item, "access list"):
        address, keys = rlp.as_list(entry, "access list entry", 2)
        slots = tuple(rlp.as_bytes(key, "storage key", 32) for key in rlp.as_list(keys, "storage keys"))
        entries.append((rlp.as_bytes(address, "access list address", 20), slots))
    return tuple(entries)


def _decode_authorization(item: rlp.Item) -> Authorization:
    chain_id, address, nonce, y_parity, r, s = rlp.as_list(item, "authorization", 6)
    entry = Authorization(
        chain_id=rlp.as_int(chain_id, "authorization chain id"),
        address=rlp.as_bytes(address, "authorization address", 20),
        nonce=rlp.as_int(nonce, "authorization nonce", 8),
        y_parity=rlp.as_int(y_parity, "authorization y parity", 1),
        r=rlp.as_int(r, "authorization r"),
        s=rlp.as_int(s, "authorization s"),
    )
    assert entry.nonce <= U64_MAX
    return entry


def _authorization_item(entry: Authorization) -> rlp.Item:
    numbers = (entry.nonce, entry.y_parity, entry.r, entry.s)
    return [rlp.encode_int(entry.chain_id), entry.address, *[rlp.encode_int(number) for number in numbers]]
