"""Methods that use the keys of the dev accounts, and eth_fillTransaction, which prepares for them."""

from dataclasses import dataclass

from primitives.transaction import Transaction
from rpc.backend import Backend
from rpc.call_arguments import CallArguments, read_call
from rpc.dispatch import Method, Parameter, Where
from rpc.encoding import data, read_address, read_data, read_text
from rpc.errors import ServerError
from rpc.json_objects import Json, payload_members
from rpc.methods.execution import ExecutionMethods
from rpc.wallet import DevWallet

NO_WALLET = DevWallet({})


@dataclass(frozen=True)
class WalletMethods:
    """`eth_accounts`, `eth_sendTransaction`, `eth_sign`, ..."""

    backend: Backend
    execution: ExecutionMethods

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        arguments, thread = (Parameter(read_call),), Where.CALLER
        message, address = Parameter(read_data), Parameter(read_address)
        return {
            "eth_accounts": Method(self.accounts),
            "eth_requestAccounts": Method(self.accounts),
            "eth_fillTransaction": Method(self.fill, arguments, thread),
            "eth_sendTransaction": Method(self.send, arguments, thread, signs=True),
            "eth_signTransaction": Method(self.sign_transaction, arguments, thread, signs=True),
            "eth_sign": Method(self.sign, (address, message), signs=True),
            "personal_sign": Method(
                lambda message, address, password: self.sign(address, message),
                (message, address, Parameter(read_text, "")),
                signs=True,
            ),
        }

    @property
    def wallet(self) -> DevWallet:
        """The dev accounts, possibly none."""
        return self.backend.wallet or NO_WALLET

    def accounts(self) -> list[str]:
        """Addresses of the dev accounts."""
        return [data(address) for address in self.wallet.addresses]

    def fill(self, arguments: CallArguments) -> Json:
        """The unsigned transaction with every member set."""
        return _shown(self._completed(arguments))

    def send(self, arguments: CallArguments) -> str:
        """Sign for a dev account and submit; the hash."""
        return data(self.backend.submit(self._signed(arguments)))

    def sign_transaction(self, arguments: CallArguments) -> Json:
        """Sign for a dev account; nothing is submitted."""
        return _shown(self._signed(arguments))

    def sign(self, address: bytes, message: bytes) -> str:
        """An EIP-191 signature of a message."""
        self._check_account(address)
        return data(self.wallet.sign_message(address, message))

    def _signed(self, arguments: CallArguments) -> Transaction:
        self._check_account(arguments.sender)
        return self.wallet.sign_transaction(arguments.caller, self._completed(arguments))

    def _check_account(self, address: bytes | None) -> None:
        if address not in self.wallet.keys:
            raise ServerError("unknown account")

    def _completed(self, arguments: CallArguments) -> Transaction:
        if arguments.blob_versioned_hashes:
            raise ServerError("transaction type not supported: transaction type not valid, got type 0x3")
        environment = self.backend.environment()
        arguments.check_chain(environment.chain_id)
        gas = arguments.gas
        if gas is None:
            gas = self.execution.gas_needed(arguments, "pending")
        return arguments.completed(
            chain_id=environment.chain_id,
            nonce=self.backend.pending_nonce(arguments.caller),
            gas=gas,
            base_fee_per_gas=environment.base_fee_per_gas,
            tip=self.backend.suggested_tip(),
        )


def _shown(transaction: Transaction) -> Json:
    shown = payload_members(transaction, transaction.max_fee_per_gas)
    if "maxFeePerGas" in shown:
        shown["gasPrice"] = None
    return {"raw": data(transaction.raw), "tx": {**shown, "hash": data(transaction.hash)}}
