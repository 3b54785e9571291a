"""The command `leveret` from outside: what it answers to a wrong word, wherever the word stands."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from web3 import HTTPProvider, Web3

from rpc.wallet import DevWallet
from sequencer.settings import read_settings
from statestore.recovery import open_chain
from tests.running_node import running_node

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ("node", "statetest", "blocktest", "run", "disasm", "bench", "state")


def leveret(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `leveret` in `folder`, with no LEVERET_* variable but those given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LEVERET_")}
    return subprocess.run(
        [sys.executable, "-m", "leveret", *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(folder / "data"), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit code 2, nothing on standard output, and one line on standard error with all of `words` in it."""
    assert (done.returncode, done.stdout) == (2, "")
    line, end, rest = done.stderr.partition("\n")
    assert (end, rest) == ("\n", "")
    assert [word for word in words if word not in line] == []


def test_help_lists_the_commands(tmp_path):
    done = leveret(tmp_path, "--help")
    assert done.returncode == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in done.stdout] == []
    assert leveret(tmp_path).stdout == done.stdout


def test_help_imports_nothing_slow():
    script = (
        "import sys, leveret\n"
        "sys.argv = ['leveret', '--help']\n"
        "try: leveret.main()\n"
        "except SystemExit: pass\n"
        "slow = {'numpy', 'numba', 'eth', 'fastapi', 'uvicorn', 'pydantic_settings'}\n"
        "assert not slow & set(sys.modules), slow & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# As a node that warms up in the background, or loads machine code, when it is ended.
BUSY_IN_LLVM = """
import threading, time
import leveret
from evm_jit.compiler.object_code import HOT, emit_object
from evm_jit.compiler.pipeline import translate_code
from primitives.forks import Fork

text = translate_code(bytes.fromhex("5b6001016002029050") * 800, Fork.OSAKA, HOT).text
compilation = threading.Thread(target=emit_object, args=(text, HOT), daemon=True)

def run(arguments):
    compilation.start()
    time.sleep(0.3)  # Until it is in LLVM, which takes seconds.
    assert compilation.is_alive()
    print("done", end="")
    return 3

leveret.exit_code_of = run
leveret.main()
"""


def test_a_command_ends_in_peace_while_a_thread_is_in_llvm():
    done = subprocess.run([sys.executable, "-c", BUSY_IN_LLVM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "done", "")


@pytest.mark.parametrize("command", ["node", "statetest", "blocktest", "run", "disasm", "bench"])
def test_every_command_explains_itself(tmp_path, command):
    done = leveret(tmp_path, command, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: leveret {command}")


SAYS_LITTLE, SAYS_MUCH = "0x6001", "5b" * 40_000


def disassemble(code: str, **streams: Any) -> tuple[int, bytes]:
    """Exit code and standard error of `leveret disasm`, with output that is buffered as everywhere."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment = {**buffered, "PYTHONIOENCODING": "utf-8:strict"}
    command = [sys.executable, "-m", "leveret", "disasm", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, check=False, **streams)
    return done.returncode, done.stderr


@pytest.mark.parametrize("code", [SAYS_LITTLE, SAYS_MUCH], ids=["little", "much"])
def test_a_reader_that_has_left_ends_a_command_without_a_word(code):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert disassemble(code, stdout=writing) == (1, b"")
    finally:
        os.close(writing)


@pytest.mark.parametrize("code", [SAYS_LITTLE, SAYS_MUCH], ids=["little", "much"])
def test_a_disk_that_is_full_is_a_sentence(code):
    with Path("/dev/full").open("wb") as full:
        done = disassemble(code, stdout=full)
    assert done == (1, b"leveret: the output can't be written: No space left on device.\n")


def test_a_command_may_be_started_with_its_output_closed():
    script = "import leveret, sys; leveret.exit_code_of = lambda _: 7 + sys.stdout.isatty(); leveret.main()"
    command = ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, script]
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (7, b"")


def test_bytes_on_standard_input_that_are_no_text_are_a_sentence():
    code, said = disassemble("-", input=b"\x60\xff\x00", stdout=subprocess.PIPE)
    assert (code, said) == (2, b"leveret: Standard input must be hex, two digits a byte.\n")


def test_standard_input_that_is_closed_is_a_sentence():
    script = f"exec {sys.executable} -m leveret disasm - <&-"
    done = subprocess.run(["sh", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert_refused(done, "Standard input is closed")


WRONG_FLAGS = [
    (["--prot", "1"], ["--prot", "--port"]),
    (["extra"], ["extra"]),
    (["--port"], ["--port"]),
    (["--port", "abc"], ["--port must be", "0 to 65535", "'abc'"]),
    (["--port", "65536"], ["--port must be", "'65536'"]),
    (["--host", "http://127.0.0.1"], ["--host must be"]),
    (["--mini-block", "10"], ["--mini-block must be", "10ms"]),
    (["--mini-block", "0ms"], ["--mini-block must be", "1ms"]),
    (["--block-time", "soon"], ["--block-time must be"]),
    (["--block-time", "15ms"], ["--block-time must be a multiple of --mini-block"]),
    (["--chain-id", "0"], ["--chain-id must be", "from 1"]),
    (["--accounts", "-1"], ["--accounts must be"]),
    (["--balance", "much"], ["--balance must be an amount of ether"]),
    (["--mnemonic", " "], ["--mnemonic must be"]),
    (["--engine", "geth"], ["--engine must be native, reference or shadow", "'geth'"]),
    (["--engine", "interpreter"], ["--engine must be native, reference or shadow", "'interpreter'"]),
    (["--fork", "berlim"], ["--fork must be", "berlin", "osaka"]),
    (["--durability", "always"], ["--durability must be fsync, write or none"]),
    (["--history", "0"], ["--history must be"]),
    (["--cors", "app.example"], ["--cors must be"]),
    (["--vhosts", "node.example:8545"], ["--vhosts must be"]),
    (["--gas-limit", "20999"], ["--gas-limit must be"]),
    (["--base-fee", "1.5"], ["--base-fee must be"]),
    (["--datadir", "chain", "--ephemeral"], ["--datadir", "--ephemeral"]),
    (["--ephemeral", "--durability", "fsync"], ["--durability", "--ephemeral"]),
    (["--genesis", "missing.json"], ["--genesis must be", "'missing.json'"]),
    (["--config", "missing.toml"], ["missing.toml can't be read", "--config"]),
]


@pytest.mark.parametrize(("flags", "words"), WRONG_FLAGS, ids=" ".join)
def test_a_wrong_flag_is_refused_in_one_sentence(tmp_path, flags, words):
    assert_refused(leveret(tmp_path, "node", *flags), *words)


def test_an_unknown_command_is_refused_with_the_nearest(tmp_path):
    assert_refused(leveret(tmp_path, "nod"), "'nod'", "'node'")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("LEVERET_PROT", "1", ["LEVERET_PROT", "LEVERET_PORT"]),
        ("LEVERET_PORT", "abc", ["LEVERET_PORT must be", "'abc'"]),
        ("LEVERET_EPHEMERAL", "perhaps", ["LEVERET_EPHEMERAL must be true or false"]),
        ("LEVERET_CONFIG", "missing.toml", ["missing.toml can't be read"]),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(tmp_path, variable, value, words):
    assert_refused(leveret(tmp_path, "node", **{variable: value}), *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", ["leveret.toml", "'prot'", "port"]),
        ("mini-block = '10ms'", ["leveret.toml", "'mini-block'", "mini_block"]),
        ("port = 'abc'", ["port in leveret.toml must be", "'abc'"]),
        ("port = true", ["port in leveret.toml must be"]),
        ("[node]\nport = 1", ["leveret.toml", "'node'"]),
        ("port = ", ["leveret.toml is not TOML"]),
        ("config = 'other.toml'", ["leveret.toml", "'config'"]),
    ],
)
def test_a_wrong_line_in_the_file_is_refused_by_its_name(tmp_path, text, words):
    (tmp_path / "leveret.toml").write_text(text)
    assert_refused(leveret(tmp_path, "node"), *words)


def test_a_genesis_file_and_what_it_says_exclude_each_other(tmp_path):
    (tmp_path / "genesis.json").write_text("{}")
    done = leveret(tmp_path, "node", "--genesis", "genesis.json", "--chain-id", "5")
    assert_refused(done, "--chain-id", "--genesis")


def test_a_port_in_use_is_a_sentence(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert_refused(leveret(tmp_path, "node", "--ephemeral", "--port", port), port, "already in use", "--port")


def test_a_mnemonic_that_is_none_is_a_sentence(tmp_path):
    assert_refused(leveret(tmp_path, "node", "--ephemeral", "--port", "0", "--mnemonic", "not a mnemonic"), "mnemonic")


def test_a_data_directory_that_is_a_file_is_a_sentence(tmp_path):
    (tmp_path / "chain").write_text("")
    done = leveret(tmp_path, "node", "--port", "0", "--datadir", "chain")
    assert (done.returncode, done.stdout) == (1, "")
    assert "chain is not a directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_genesis_file_is_a_sentence(tmp_path):
    (tmp_path / "genesis.json").write_text("{")
    assert_refused(leveret(tmp_path, "node", "--port", "0", "--genesis", "genesis.json"), "genesis.json", "not JSON")


def test_one_data_directory_serves_one_node_and_one_chain(tmp_path):
    folder = str(tmp_path / "chain")
    with running_node("--datadir", folder):
        for done in (
            leveret(tmp_path, "node", "--port", "0", "--datadir", folder),
            leveret(tmp_path, "state", "verify", "--datadir", folder),
        ):
            assert (done.returncode, done.stdout) == (1, "")
            assert "another leveret process" in done.stderr
            assert "Traceback" not in done.stderr
    other = leveret(tmp_path, "node", "--port", "0", "--datadir", folder, "--chain-id", "5")
    assert (other.returncode, other.stdout) == (1, "")
    assert "holds chain 125671, not chain 5" in other.stderr


def test_a_chain_whose_signing_key_is_lost_is_refused(tmp_path):
    folder = tmp_path / "chain"
    with running_node("--datadir", str(folder)) as node:
        w3 = Web3(HTTPProvider(node.url))
        sent = w3.eth.send_transaction({"from": w3.eth.accounts[0], "to": w3.eth.accounts[1], "value": 1})
        w3.eth.wait_for_transaction_receipt(sent)
    (folder / "sequencer.key").unlink()
    done = leveret(tmp_path, "node", "--port", "0", "--datadir", str(folder))
    assert (done.returncode, done.stdout) == (1, "")
    assert "restore sequencer.key from a copy" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_node_cleanly(tmp_path, number):
    with running_node("--datadir", str(tmp_path / "chain")) as node:
        node.process.send_signal(number)
        assert node.process.wait(timeout=60) == 0
    done = leveret(tmp_path, "state", "verify", "--datadir", "chain")
    assert done.returncode == 0, done.stderr


def test_the_web3_lines_of_the_banner_work_as_pasted():
    with running_node("--ephemeral") as node:
        snippet = "from web3" + node.banner.split("\nfrom web3")[1].split("\n\n")[0]
        pasted = subprocess.run(
            [sys.executable, "-c", snippet], capture_output=True, text=True, timeout=60, check=False
        )
        assert (pasted.stdout, pasted.stderr) == ("status 1\n", "")


def test_a_chain_is_verified_with_the_settings_it_was_started_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = read_settings({"accounts": "2", "chain_id": "77"})
    genesis = settings.chain_genesis(DevWallet.from_mnemonic(settings.mnemonic, 2).addresses)
    open_chain(tmp_path / "chain", genesis).close()
    flags = ("--datadir", "chain", "--chain-id", "77", "--accounts", "2")
    done = leveret(tmp_path, "state", "verify", *flags)
    assert done.returncode == 0, done.stderr
    assert "accounts      4\n" in done.stdout  # Two contracts of the protocol are there, too.
    assert done.stdout.endswith("Everything fits.\n")

    other = leveret(tmp_path, "state", "verify", *flags, "--balance", "5")
    assert (other.returncode, other.stdout) == (1, "")
    assert other.stderr.startswith("leveret: ") and other.stderr.count("\n") == 1


def test_a_folder_without_a_chain_is_not_verified_and_not_touched(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "missing"):
        assert_refused(leveret(tmp_path, "state", "verify", "--datadir", folder), folder, "holds no chain")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty"]
