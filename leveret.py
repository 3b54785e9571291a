"""
The command `leveret`.

Each sub-command lives in the package that does the work and is imported when it is called, so that `leveret --help`
answers at once. Trouble is one sentence on standard error: exit code 2 if the command line or a setting is wrong, 1
for every other `LeveretError`.
"""

import errno
import importlib
import os
import sys
import threading
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from primitives.constants import CLIENT_VERSION
from primitives.errors import ConfigError, LeveretError

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
DISK_TROUBLE: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))

app = typer.Typer(
    name="leveret",
    help="A mini-L2 sequencer that one person can run, read and change.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
state_app = typer.Typer(help="Look after a data directory.", rich_markup_mode=None)
app.add_typer(state_app, name="state")

# What another package parses: everything after the name goes to it as it is, `--help` too.
PASSED_ON: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def _version(is_asked: bool) -> None:
    if is_asked:
        print(CLIENT_VERSION)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _without_command(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def _flag(metavar: str, text: str) -> Any:
    """A flag that `sequencer.settings` parses; `text` says the default, which only the settings know."""
    return typer.Option(metavar=metavar, help=text, show_default=False)


# Those that say which chain it is and where it is kept.
Datadir = Annotated[str | None, _flag("FOLDER", "Where the chain is kept (~/.local/share/leveret/<chain id>).")]
ChainId = Annotated[str | None, _flag("N", "Chain id of a new chain (125671).")]
Accounts = Annotated[str | None, _flag("N", "Unlocked dev accounts (10).")]
Balance = Annotated[str | None, _flag("ETHER", "What each of them has at genesis (10000).")]
MnemonicWords = Annotated[str | None, _flag("WORDS", "What they are derived from (test ... junk).")]
GenesisFile = Annotated[str | None, _flag("FILE", "A geth-style genesis.json for a new chain.")]
ForkName = Annotated[str | None, _flag("NAME", "Rules of a new chain, frontier to osaka (osaka).")]
GasLimit = Annotated[str | None, _flag("GAS", "Gas of a block (1000000000).")]
BaseFee = Annotated[str | None, _flag("WEI", "Base fee per gas (1000000).")]
ConfigFile = Annotated[str | None, _flag("FILE", "Settings, weaker than flags (leveret.toml).")]


@app.command()
def node(
    host: Annotated[str | None, _flag("ADDRESS", "Where to listen (127.0.0.1).")] = None,
    port: Annotated[str | None, _flag("PORT", "For HTTP and WebSocket (8545); 0: any free one.")] = None,
    datadir: Datadir = None,
    ephemeral: Annotated[
        bool | None, typer.Option("--ephemeral", help="Keep nothing: the chain ends with the node.")
    ] = None,
    engine: Annotated[
        str | None,
        _flag("NAME", "What executes transactions: native, reference or shadow, which compares the two (native)."),
    ] = None,
    chain_id: ChainId = None,
    mini_block: Annotated[str | None, _flag("TIME", "Least time between two mini-blocks (10ms).")] = None,
    block_time: Annotated[str | None, _flag("TIME", "Time between two blocks (1s).")] = None,
    accounts: Accounts = None,
    balance: Balance = None,
    mnemonic: MnemonicWords = None,
    genesis: GenesisFile = None,
    fork: ForkName = None,
    durability: Annotated[str | None, _flag("LEVEL", "What a receipt waits for: fsync, write or none (fsync).")] = None,
    history: Annotated[str | None, _flag("BLOCKS", "Blocks whose state can be read (128).")] = None,
    cors: Annotated[str | None, _flag("ORIGINS", "Web pages that may call, besides local ones; * for all.")] = None,
    vhosts: Annotated[str | None, _flag("NAMES", "Host names to answer to, besides local ones; * for all.")] = None,
    gas_limit: GasLimit = None,
    base_fee: BaseFee = None,
    base_fee_adjusts: Annotated[
        bool | None, typer.Option("--base-fee-adjusts", help="Let the base fee follow demand (EIP-1559).")
    ] = None,
    config: ConfigFile = None,
) -> int:
    """
    Run a chain: sequencer and JSON-RPC.

    Each flag can also stand in leveret.toml (chain_id = 5) or in the environment (LEVERET_CHAIN_ID=5); flags win over
    the environment, and that over the file.
    """
    flags = dict(locals())  # Every parameter is a flag, and has the name of its setting.
    from sequencer.settings import read_settings

    settings = read_settings(flags)
    from sequencer.__main__ import run_node

    return run_node(settings)


@app.command(context_settings=PASSED_ON, add_help_option=False)
def statetest(context: typer.Context) -> int:
    """Run Ethereum state tests and compare roots and logs."""
    return _pass_on("evm_jit.__main__", "statetest", context.args)


@app.command(context_settings=PASSED_ON, add_help_option=False)
def blocktest(context: typer.Context) -> int:
    """Import the blocks of Ethereum blockchain tests and compare heads and states."""
    return _pass_on("evm_jit.__main__", "blocktest", context.args)


@app.command(context_settings=PASSED_ON, add_help_option=False)
def run(context: typer.Context) -> int:
    """Run bytecode or a workload on an engine, and time it."""
    return _pass_on("evm_jit.__main__", "run", context.args)


@app.command(context_settings=PASSED_ON, add_help_option=False)
def disasm(context: typer.Context) -> int:
    """Show what bytecode is made of: instructions, blocks, gas and jumps."""
    return _pass_on("evm_jit.__main__", "disasm", context.args)


@app.command(context_settings=PASSED_ON, add_help_option=False)
def bench(context: typer.Context) -> int:
    """Measure transactions and gas per second, results checked."""
    return _pass_on("bench.__main__", "bench", context.args)


@state_app.callback()
def _state() -> None:
    """Look after a data directory."""


@state_app.command("verify")
def state_verify(
    datadir: Datadir = None,
    chain_id: ChainId = None,
    accounts: Accounts = None,
    balance: Balance = None,
    mnemonic: MnemonicWords = None,
    genesis: GenesisFile = None,
    fork: ForkName = None,
    gas_limit: GasLimit = None,
    base_fee: BaseFee = None,
    config: ConfigFile = None,
) -> int:
    """
    Check every record and the state of a chain that no node is running.

    The chain is found with the settings that it was started with.
    """
    flags = dict(locals())
    from primitives.signature import address_of
    from rpc.wallet import DevWallet
    from sequencer.settings import read_settings
    from sequencer.signing_key import read_signing_key
    from statestore.recovery import open_chain
    from statestore.verification import verify_chain

    settings = read_settings(flags)
    chain_genesis = settings.chain_genesis(DevWallet.from_mnemonic(settings.mnemonic, settings.accounts).addresses)
    folder = settings.data_directory(chain_genesis.config.chain_id)
    if folder is None:
        raise ConfigError("there is nothing to verify: the settings say that the chain is ephemeral.")
    if not folder.is_dir() or not any(folder.iterdir()):
        raise ConfigError(f"{folder} holds no chain: name another folder with --datadir.")
    key = read_signing_key(folder)
    chain = open_chain(folder, chain_genesis, durability="none", sequencer=None if key is None else address_of(key))
    try:
        found = verify_chain(chain)
    finally:
        chain.close()
    print(f"block         {found.head.number:,}  0x{found.head.hash.hex()}")
    print(f"state root    0x{found.head.header.state_root.hex()}")
    print(f"mini-blocks   {found.mini_block_count:,}")
    print(f"transactions  {found.transaction_count:,}")
    print(f"accounts      {found.account_count:,}")
    print(f"slots         {found.slot_count:,}")
    print("Everything fits.")
    return 0


def _pass_on(module: str, name: str, arguments: Sequence[str]) -> int:
    """Run the command `name` of a package that has `commands(app)`."""
    owner = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    owner.callback()(lambda: None)  # Else a command that is alone would lose its name.
    importlib.import_module(module).commands(owner)
    return _call(owner, [name, *arguments])


def _call(typer_app: typer.Typer, arguments: Sequence[str]) -> int:
    """The exit code of a command line; trouble is raised."""
    result: Any = typer_app(list(arguments), prog_name="leveret", standalone_mode=False)
    return result if isinstance(result, int) else 0


def exit_code_of(arguments: Sequence[str]) -> int:
    """The exit code of a command line; trouble is printed, but not that nobody reads the output any more."""
    try:
        code = _call(app, arguments)
        _flush()  # While trouble with it can still be told.
        return code
    except (BrokenPipeError, SystemExit):  # typer makes the second of the first.
        return EXIT_FAILED
    except typer.TyperException as error:
        print(f"leveret: {error.format_message()}", file=sys.stderr)
        return EXIT_USAGE
    except ConfigError as error:
        print(f"leveret: {error}", file=sys.stderr)
        return EXIT_USAGE
    except LeveretError as error:
        print(f"leveret: {error}", file=sys.stderr)
        return EXIT_FAILED
    except OSError as error:
        if error.errno not in DISK_TROUBLE:
            raise
        print(f"leveret: the output can't be written: {error.strerror}.", file=sys.stderr)
        return EXIT_FAILED


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def main() -> None:
    """Entry point of the distribution."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # Closed by whoever started this; a file of ours must not get its number.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    code = exit_code_of(sys.argv[1:])
    try:
        _flush()
    except OSError:
        os._exit(code)  # That was told already; Python would try again, and tell it in its own way.
    if threading.active_count() > 1:
        # Nothing is waited for any more, and a thread that is in LLVM while this process takes itself apart aborts it.
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
