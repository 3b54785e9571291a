"""
The rules of each fork for the reference engine: py-evm's classes with our frames, corrections and precompiles.

py-evm's own mistakes that are corrected here, beside the checks of `transaction_checks`:

- SELFDESTRUCT warns about its own deprecation each time it runs, from Shanghai on;
- CREATE and CREATE2 with too little balance push 0 even when the init code is too long, which must stop the frame
  first (EIP-3860);
- MODEXP of nothing to the power of e is 0 there, not 0^e.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth.abc import ComputationAPI
from eth.constants import GAS_COPY, GAS_VERYLOW
from eth.exceptions import OutOfBoundsRead, OutOfGas
from eth.vm import mnemonics, opcode_values
from eth.vm.forks.berlin.state import BerlinState
from eth.vm.forks.byzantium.state import ByzantiumState
from eth.vm.forks.cancun.state import CancunState
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.forks.constantinople.state import ConstantinopleState
from eth.vm.forks.frontier.state import FrontierState
from eth.vm.forks.homestead.state import HomesteadState
from eth.vm.forks.istanbul.state import IstanbulState
from eth.vm.forks.london.state import LondonState
from eth.vm.forks.paris.state import ParisState
from eth.vm.forks.petersburg.state import PetersburgState
from eth.vm.forks.prague.state import PragueState
from eth.vm.forks.shanghai.logic import Create2EIP3860, CreateEIP3860
from eth.vm.forks.shanghai.state import ShanghaiState
from eth.vm.forks.spurious_dragon.state import SpuriousDragonState
from eth.vm.forks.tangerine_whistle.state import TangerineWhistleState
from eth.vm.logic.system import CreateOpcodeStackData
from eth.vm.opcode import as_opcode
from eth.vm.transaction_context import BaseTransactionContext

from evm_jit.osaka import OSAKA_OPCODES
from evm_jit.reference_frames import Frame, FrameState, operations_of
from evm_jit.reference_precompiles import precompiles_of
from primitives.constants import INIT_CODE_SIZE_BYTES_MAX
from primitives.forks import Fork

_PY_EVM_STATES: Final[Mapping[Fork, type[Any]]] = {
    Fork.FRONTIER: FrontierState,
    Fork.HOMESTEAD: HomesteadState,
    Fork.TANGERINE_WHISTLE: TangerineWhistleState,
    Fork.SPURIOUS_DRAGON: SpuriousDragonState,
    Fork.BYZANTIUM: ByzantiumState,
    Fork.CONSTANTINOPLE: ConstantinopleState,
    Fork.PETERSBURG: PetersburgState,
    Fork.ISTANBUL: IstanbulState,
    Fork.BERLIN: BerlinState,
    Fork.LONDON: LondonState,
    Fork.PARIS: ParisState,
    Fork.SHANGHAI: ShanghaiState,
    Fork.CANCUN: CancunState,
    Fork.PRAGUE: PragueState,
    Fork.OSAKA: PragueState,  # py-evm ends at Prague; `osaka` adds what is missing.
}


@dataclass(frozen=True)
class Rules:
    """
    One fork's rules.

    `state` and `frame` are classes; `refund_quotient` bounds refunds to that part of the gas used;
    `gas_refund_selfdestruct` is granted for each account that destroyed itself (until EIP-3529).
    """

    fork: Fork
    state: type[FrameState]
    frame: type[Frame]
    context: type[BaseTransactionContext]
    clears_empty_accounts: bool
    refund_quotient: int
    gas_refund_selfdestruct: int


class _InitCodeLimit:
    """CREATE and CREATE2 check the size of the init code before the balance of the creator (EIP-3860)."""

    def get_gas_cost(self, data: CreateOpcodeStackData) -> int:
        if data.memory_length > INIT_CODE_SIZE_BYTES_MAX:
            raise OutOfGas("init code is longer than EIP-3860 allows")
        return super().get_gas_cost(data)  # type: ignore[misc, no-any-return]


class _Create(_InitCodeLimit, CreateEIP3860):
    """CREATE from Shanghai on."""


class _Create2(_InitCodeLimit, Create2EIP3860):
    """CREATE2 from Shanghai on."""


def _return_data_copy(computation: ComputationAPI) -> None:
    """RETURNDATACOPY (0x3e): as in geth, what is paid for comes before what is there (EIP-211 leaves it open)."""
    target, source, size = computation.stack_pop_ints(3)
    computation.extend_memory(target, size)
    computation.consume_gas(GAS_COPY * ((size + 31) // 32), reason=mnemonics.RETURNDATACOPY)
    if source + size > len(computation.return_data):
        raise OutOfBoundsRead(f"{source} + {size} of {len(computation.return_data)} bytes")
    computation.memory_write(target, size, computation.return_data[source : source + size])


def _opcodes(fork: Fork, py_evm_opcodes: Mapping[int, Any]) -> dict[int, Any]:
    opcodes = dict(py_evm_opcodes)
    if fork >= Fork.BYZANTIUM:
        opcodes[opcode_values.RETURNDATACOPY] = as_opcode(
            logic_fn=_return_data_copy, mnemonic=mnemonics.RETURNDATACOPY, gas_cost=GAS_VERYLOW
        )
    if fork >= Fork.SHANGHAI:
        for value, corrected in ((opcode_values.CREATE, _Create), (opcode_values.CREATE2, _Create2)):
            original = opcodes[value]
            opcodes[value] = corrected.configure(
                __name__=corrected.__name__, mnemonic=original.mnemonic, gas_cost=original.gas_cost
            )()
        selfdestruct = opcodes[opcode_values.SELFDESTRUCT]
        while hasattr(selfdestruct, "__wrapped__"):
            selfdestruct = selfdestruct.__wrapped__
        opcodes[opcode_values.SELFDESTRUCT] = selfdestruct
    if fork >= Fork.OSAKA:
        opcodes |= OSAKA_OPCODES
    return opcodes


def _make_rules(fork: Fork) -> Rules:
    py_evm_state = _PY_EVM_STATES[fork]
    py_evm_computation: type[ComputationAPI] = py_evm_state.computation_class
    name = fork.name.title().replace("_", "")
    opcodes = _opcodes(fork, py_evm_computation.opcodes)
    frame = type(
        f"{name}Frame",
        (Frame, py_evm_computation),
        {"opcodes": opcodes, "operations": operations_of(opcodes), "_precompiles": precompiles_of(fork)},
    )
    state = type(f"{name}FrameState", (FrameState, py_evm_state), {"computation_class": frame})
    return Rules(
        fork=fork,
        state=state,
        frame=frame,
        context=CancunTransactionContext if fork >= Fork.CANCUN else BaseTransactionContext,
        clears_empty_accounts=fork >= Fork.SPURIOUS_DRAGON,
        refund_quotient=5 if fork >= Fork.LONDON else 2,
        gas_refund_selfdestruct=0 if fork >= Fork.LONDON else 24_000,
    )


RULES: Final[Mapping[Fork, Rules]] = {fork: _make_rules(fork) for fork in Fork}
