"""A client of the application, without a socket in between."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import httpx

from rpc.app import RpcApp, make_app
from rpc.settings import RpcSettings
from tests.rpc.node import Node

JSON_HEADERS = {"content-type": "application/json"}


class Refused(Exception):
    """An error object."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error)
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data")


class Client:
    """Asks one application; each instance has an event loop of its own, which runs only while something is asked."""

    def __init__(self, node: Node, settings: RpcSettings | None = None, address: str = "127.0.0.1") -> None:
        self.node = node
        self.app: RpcApp = make_app(node, settings)
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(self.app, client=(address, 50_000))
        self._http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8545")

    def close(self) -> None:
        self.run(self._http.aclose())
        self.app.close()
        self._runner.close()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(coroutine)

    def ask(self, method: str, *params: Any) -> Any:
        """The result; Refused if there is an error."""
        return self.run(self.ask_async(method, *params))

    async def ask_async(self, method: str, *params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        response = await self._http.post("/", content=json.dumps(request), headers=JSON_HEADERS)
        assert response.status_code == 200, response.text
        reply = response.json()
        assert (reply["jsonrpc"], reply["id"]) == ("2.0", 1)
        assert ("error" in reply) != ("result" in reply)
        if "error" in reply:
            raise Refused(reply["error"])
        return reply["result"]

    def refusal(self, method: str, *params: Any) -> Refused:
        """The error that is expected."""
        try:
            result = self.ask(method, *params)
        except Refused as error:
            return error
        raise AssertionError(f"{method} answered {result}")

    def post(self, body: bytes | str, headers: dict[str, str] | None = None) -> httpx.Response:
        """A raw request."""
        return self.run(self._http.post("/", content=body, headers={**JSON_HEADERS, **(headers or {})}))

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.run(self._http.request(method, path, **options))

    def reply(self, message: Any) -> Any:
        """What a JSON value as the body is answered with, None for no body."""
        response = self.post(json.dumps(message))
        return response.json() if response.content else None
