"""
JSON-RPC 2.0: bytes in, bytes out, for one request or a batch.

Whatever the bytes are, the answer is a reply, an error object, or nothing (for notifications): no input makes
this raise. Methods that only read memory run on the event loop; those that execute or search run in threads, so
that a slow one does not hold up the others.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from primitives.errors import LeveretError
from primitives.json_depth import is_deeper_than
from rpc.errors import (
    INVALID_REQUEST,
    PARSE_ERROR,
    REQUEST_TIMED_OUT,
    RESPONSE_TOO_LARGE,
    InvalidParams,
    InvalidValue,
    MethodNotFound,
    RpcError,
    ServerError,
    error_object,
)
from rpc.settings import RpcSettings

if TYPE_CHECKING:
    from rpc.subscriptions import Socket

log = logging.getLogger(__name__)

JSON_DEPTH_MAX: Final = 64
BATCH_ITEMS_BETWEEN_YIELDS: Final = 16  # So that a batch of cheap methods leaves the loop to others, too.
LOGGED_FAILURES_MAX: Final = 100  # Each place that fails is logged once; a flood of the same fills no disk.


class Where(Enum):
    """Where a method runs."""

    LOOP = "at once, on the event loop"
    TASK = "on the event loop; it waits for something"
    TOGETHER = "on the event loop, once for all requests of a batch that follow one another; it waits for something"
    READER = "in a thread that reads the history"
    CALLER = "in a thread that executes"


REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Parameter:
    """How one argument is read; one without a default must be given."""

    read: Callable[[Any], Any]
    default: Any = REQUIRED


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the peer's address, whether it is this machine, and its WebSocket if it has one."""

    address: str
    is_local: bool
    socket: "Socket | None" = None


@dataclass(frozen=True, slots=True)
class Method:
    """
    A JSON-RPC method: `run` takes the arguments read by `parameters`, after the caller if `takes_caller`.

    One that runs TOGETHER takes a list of arguments for each request, and gives of each a result or a LeveretError.
    """

    run: Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()
    where: Where = Where.LOOP
    takes_caller: bool = False
    signs: bool = False  # Uses the keys of dev accounts: not for other machines.


class Dispatcher:
    """Answers request bodies from a table of methods."""

    def __init__(self, methods: Mapping[str, Method], settings: RpcSettings, threads: Mapping[Where, Executor]) -> None:
        self._methods = methods
        self._settings = settings
        self._threads = threads
        self._decode = msgspec.json.Decoder().decode
        self._encode = msgspec.json.Encoder().encode
        self._logged: set[tuple[object, ...]] = set()

    async def answer(self, body: bytes, caller: Caller) -> bytes | None:
        """The reply to a request body, None when there is nothing to say."""
        try:
            if is_deeper_than(body, JSON_DEPTH_MAX):
                raise ValueError("nested too deeply")
            message = self._decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return self._failure(None, RpcError(PARSE_ERROR, "parse error"))
        if isinstance(message, list):
            return await self._answer_batch(message, caller)
        return await self._answer_one(message, caller)

    async def _answer_batch(self, messages: list[Any], caller: Caller) -> bytes | None:
        if not messages:
            return self._failure(None, RpcError(INVALID_REQUEST, "empty batch"))
        if len(messages) > self._settings.batch_items_max:
            return self._failure(None, RpcError(INVALID_REQUEST, "batch too large"))
        now = asyncio.get_running_loop().time
        deadline = now() + self._settings.batch_time_s
        replies: list[bytes] = []
        size_bytes = 0
        together: dict[int, bytes | None] = {}
        for index, message in enumerate(messages):
            if index % BATCH_ITEMS_BETWEEN_YIELDS == BATCH_ITEMS_BETWEEN_YIELDS - 1:
                await asyncio.sleep(0)
            reply: bytes | None
            if index in together:
                reply = together[index]
            elif size_bytes > self._settings.reply_bytes_max:
                reply = self._refusal(message, RpcError(RESPONSE_TOO_LARGE, "response too large"))
            elif now() > deadline:
                reply = self._refusal(message, RpcError(REQUEST_TIMED_OUT, "request timed out"))
            else:
                together = await self._answer_together(messages, index)
                reply = together[index] if together else await self._answer_one(message, caller)
            if reply is not None:
                size_bytes += len(reply)
                replies.append(reply)
        return b"[" + b",".join(replies) + b"]" if replies else None

    async def _answer_together(self, messages: list[Any], first: int) -> dict[int, bytes | None]:
        """The replies, by index, to the messages from `first` on that ask for one and the same method that does so."""
        name = messages[first].get("method") if isinstance(messages[first], dict) else None
        method = self._methods.get(name) if isinstance(name, str) else None
        if method is None or method.where is not Where.TOGETHER:
            return {}
        replies: dict[int, bytes | None] = {}
        asked: dict[int, list[Any]] = {}
        for index in range(first, len(messages)):
            message = messages[index]
            if not isinstance(message, dict) or message.get("method") != name:
                break
            if not _is_request(message):
                replies[index] = self._failure(_id_of(message), RpcError(INVALID_REQUEST, "invalid request"))
                continue
            try:
                asked[index] = read_arguments(method.parameters, message.get("params"))
            except LeveretError as error:
                replies[index] = self._refusal(message, error)
        for index, result in zip(asked, await self._run_together(method, list(asked.values())), strict=True):
            replies[index] = self._reply(messages[index], result)
        return replies

    async def _run_together(self, method: Method, arguments: list[list[Any]]) -> Sequence[Any]:
        """Of each a result, or the LeveretError that it failed with."""
        if not arguments:
            return []
        try:
            results: Sequence[Any] = await method.run(arguments)
        except LeveretError as error:
            return [error] * len(arguments)
        except Exception as error:
            self._log_once(method.run.__name__, error)
            return [ServerError("internal error")] * len(arguments)
        return results

    def _reply(self, message: Any, result: Any) -> bytes | None:
        """What a request with this result, or LeveretError, is answered."""
        if isinstance(result, LeveretError):
            return self._refusal(message, result)
        return self._encode({"jsonrpc": "2.0", "id": message["id"], "result": result}) if "id" in message else None

    async def _answer_one(self, message: Any, caller: Caller) -> bytes | None:
        if not isinstance(message, dict):
            return self._failure(None, RpcError(INVALID_REQUEST, "invalid request"))
        if not _is_request(message):
            return self._failure(_id_of(message), RpcError(INVALID_REQUEST, "invalid request"))
        name = message["method"]
        try:
            method = self._methods.get(name)
            if method is None or (method.signs and not (caller.is_local or self._settings.wallet_over_network)):
                raise MethodNotFound(name)
            arguments = read_arguments(method.parameters, message.get("params"))
            if method.takes_caller:
                arguments.insert(0, caller)
            if method.where is Where.LOOP:
                result = method.run(*arguments)
            elif method.where is Where.TASK:
                result = await method.run(*arguments)
            elif method.where is Where.TOGETHER:
                [result] = await method.run([arguments])
                if isinstance(result, LeveretError):
                    return self._refusal(message, result)
            else:
                result = await self._run_in_thread(method, arguments)
            if "id" not in message:
                return None
            reply = self._encode({"jsonrpc": "2.0", "id": message["id"], "result": result})
            if len(reply) > self._settings.reply_bytes_max:
                raise RpcError(RESPONSE_TOO_LARGE, "response too large")
        except LeveretError as error:
            return self._refusal(message, error)
        except Exception as error:  # Our own mistake: the client hears no details, the log all of them.
            self._log_once(name, error)
            return self._refusal(message, ServerError("internal error"))
        return reply

    async def _run_in_thread(self, method: Method, arguments: list[Any]) -> Any:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.thread_wait_s

        def run() -> Any:
            if loop.time() > deadline:
                raise RpcError(REQUEST_TIMED_OUT, "request timed out")
            return method.run(*arguments)

        return await loop.run_in_executor(self._threads[method.where], run)

    def _refusal(self, message: Any, error: LeveretError) -> bytes | None:
        """The error as a reply to `message`, None if that is a notification."""
        if isinstance(message, dict) and "id" not in message:
            return None
        return self._failure(_id_of(message), error)

    def _failure(self, request_id: str | int | float | None, error: LeveretError) -> bytes:
        return self._encode({"jsonrpc": "2.0", "id": request_id, "error": error_object(error)})

    def _log_once(self, name: str, error: Exception) -> None:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = (name, type(error), trace and (trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        if place not in self._logged and len(self._logged) < LOGGED_FAILURES_MAX:
            self._logged.add(place)
            log.error("%s failed by our own mistake", name, exc_info=error)


def read_arguments(parameters: tuple[Parameter, ...], params: Any) -> list[Any]:
    """The arguments in `params` (a list, or nothing in one of its four forms), or InvalidParams."""
    if not isinstance(params, list):
        if params is not None and params != {}:
            raise InvalidParams("non-array args")
        params = []
    if len(params) > len(parameters):
        raise InvalidParams(f"too many arguments, want at most {len(parameters)}")
    arguments = []
    for index, parameter in enumerate(parameters):
        value = params[index] if index < len(params) else None
        if value is None:
            if parameter.default is REQUIRED:
                raise InvalidParams(f"missing value for required argument {index}")
            arguments.append(parameter.default)
            continue
        try:
            arguments.append(parameter.read(value))
        except InvalidValue as error:
            raise InvalidParams(f"invalid argument {index}: {error}") from None
    return arguments


def _is_request(message: dict[str, Any]) -> bool:
    is_called = message.get("jsonrpc") == "2.0" and isinstance(message.get("method"), str)
    return is_called and _is_id(message.get("id"))


def _is_id(value: Any) -> bool:
    return value is None or isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool))


def _id_of(message: Any) -> Any:
    """The id to answer under: the message's own if it is one."""
    value = message.get("id") if isinstance(message, dict) else None
    return value if _is_id(value) else None
