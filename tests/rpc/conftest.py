"""A node and a client for every test of the JSON-RPC service."""

import logging
from collections.abc import Iterator

import pytest

from rpc.settings import RpcSettings
from tests.rpc.client import Client
from tests.rpc.node import Node


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def settings() -> RpcSettings:
    return RpcSettings()


@pytest.fixture
def client(node: Node, settings: RpcSettings, caplog: pytest.LogCaptureFixture) -> Iterator[Client]:
    """No test may make the service log a mistake of its own."""
    client = Client(node, settings)
    yield client
    client.close()
    mistakes = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert mistakes == []
