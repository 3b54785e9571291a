"""
What a node prints once it listens: accounts, what a wallet and web3.py need to connect, and how it runs.

The last line is exactly `Listening on URL`: programs that start nodes wait for it. Only the public mnemonic and its
keys are printed; those of any other mnemonic are secrets.
"""

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from primitives.address import checksum_address
from primitives.chain import ChainConfig
from primitives.constants import CLIENT_VERSION, DEV_MNEMONIC
from primitives.forks import Fork
from primitives.signature import address_of
from sequencer.settings import NodeSettings

ENGINE_NOTES: Final = {
    "native": "compiled code over leveret's state",
    "reference": "py-evm over leveret's state",
    "shadow": "native, and every transaction on the reference as well",
}
DURABILITY_NOTES: Final = {
    "fsync": "a receipt survives a power cut",
    "write": "a receipt survives a crash of the node, not of the machine",
    "none": "a crash may lose receipts",
}
_RED: Final = "\033[1;31m"
_PLAIN: Final = "\033[0m"


def banner(
    settings: NodeSettings,
    chain: ChainConfig,
    fork: Fork,
    private_keys: Sequence[bytes],
    port: int,
    *,
    is_coloured: bool = False,
) -> str:
    """
    The whole text, without a newline at its end.

    `fork` rules the block being built, `private_keys` are those of the unlocked dev accounts, `port` is where the
    node really listens (the settings may say 0, any). `is_coloured` paints warnings red.
    """
    url = node_url(settings.host, port)
    near_url = node_url(_near_host(settings.host), port)
    version = CLIENT_VERSION.split("/")[1].removeprefix("v")
    blocks = [
        f"leveret {version}: a mini-L2 on this machine",
        *_accounts(settings, private_keys),
        _table(
            "Network, to add to MetaMask (Settings, Networks, Add a custom network)",
            [
                ("Network name", "leveret"),
                ("RPC URL", near_url),
                ("Chain ID", str(chain.chain_id)),
                ("Currency symbol", "ETH"),
            ],
        ),
        "web3.py (pip install web3), ready to paste",
        web3_snippet(near_url, len(private_keys)),
        _table("Node", _node_rows(settings, chain, fork, near_url)),
        *(f"{_RED}{text}{_PLAIN}" if is_coloured else text for text in _warnings(settings, len(private_keys))),
        f"Listening on {url}",
    ]
    return "\n\n".join(blocks)


def node_url(host: str, port: int) -> str:
    """The URL of JSON-RPC over HTTP; an IPv6 address goes into brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def web3_snippet(url: str, account_count: int) -> str:
    """
    Lines for a Python prompt or `python -c`, without quotes that a shell's single quotes would meet.

    With accounts: sends 1 ETH and prints the receipt's status. Without: prints the block number.
    """
    connect = f'from web3 import Web3\nw3 = Web3(Web3.HTTPProvider("{url}"))\n'
    if account_count == 0:
        return connect + 'print("block", w3.eth.block_number)'
    return connect + (
        "sender, receiver = w3.eth.accounts[0], w3.eth.accounts[-1]\n"
        'sent = w3.eth.send_transaction({"from": sender, "to": receiver, "value": w3.to_wei(1, "ether")})\n'
        'print("status", w3.eth.wait_for_transaction_receipt(sent).status)'
    )


def _accounts(settings: NodeSettings, private_keys: Sequence[bytes]) -> list[str]:
    if not private_keys:
        return ["No dev accounts."]
    addresses = [checksum_address(address_of(key)) for key in private_keys]
    title = "Accounts" if settings.genesis is not None else f"Accounts, {settings.balance:,f} ETH each at genesis"
    blocks = ["\n".join([title, *_numbered(addresses)])]
    if settings.mnemonic != DEV_MNEMONIC:
        return [*blocks, "Private keys and mnemonic are not shown: they are yours."]
    return [
        *blocks,
        "\n".join(["Private keys", *_numbered([f"0x{key.hex()}" for key in private_keys])]),
        _table("Wallet", [("Mnemonic", settings.mnemonic), ("Path", "m/44'/60'/0'/0/i")]),
    ]


def _numbered(lines: Sequence[str]) -> list[str]:
    return [f"  ({index}) {line}" for index, line in enumerate(lines)]


def _node_rows(settings: NodeSettings, chain: ChainConfig, fork: Fork, url: str) -> list[tuple[str, str]]:
    directory = settings.data_directory(chain.chain_id)
    if directory is None:
        kept = [("Data directory", "none: the chain is in RAM and ends with the node")]
    else:
        durability = f"{settings.durability}: {DURABILITY_NOTES[settings.durability]}"
        kept = [("Data directory", _path_from_home(directory)), ("Durability", durability)]
    base_fee = "first base fee, adjusts (EIP-1559)" if chain.base_fee_adjusts else "base fee, constant"
    return [
        *kept,
        ("Engine", f"{settings.engine} ({ENGINE_NOTES[settings.engine]})"),
        ("Fork", fork.name.lower()),
        ("Mini-block", f"every {settings.mini_block_ms} ms at most"),
        ("Block", f"every {settings.block_time.total_seconds():g} s"),
        ("Gas", f"{chain.gas_limit:,} a block; {chain.base_fee_per_gas:,} wei {base_fee}"),
        ("History", f"{settings.history:,} blocks of state can be read"),
        ("WebSocket", url.replace("http", "ws", 1)),
    ]


def _warnings(settings: NodeSettings, account_count: int) -> list[str]:
    warnings = []
    if account_count and settings.mnemonic == DEV_MNEMONIC:
        warnings.append(
            "WARNING: these accounts and keys are public. Whatever is sent to them on any other chain is lost."
        )
    if account_count and not _is_loopback(settings.host):
        warnings.append(
            f"WARNING: listening on {settings.host}: whoever reaches this machine can use the chain, and whoever knows "
            "the keys can spend from these accounts. Leave out --host, or say --accounts 0."
        )
    return warnings


def _table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join([title, *(f"  {name:<{width}}  {value}" for name, value in rows)])


def _path_from_home(path: Path) -> str:
    """As a shell understands it, short where it can be."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _near_host(host: str) -> str:
    """Where a client on this machine finds a node that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is asked about, not bound to.
