"""
What a client reads when something goes wrong: code, message, data.

Messages are geth's, because client libraries search them for words. No error has code -32603 or -32005:
libraries take these for passing trouble and ask again and again.
"""

from typing import Any, Final

from primitives.errors import ExecutionReverted, LeveretError

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
RESPONSE_TOO_LARGE: Final = -32003
REQUEST_TIMED_OUT: Final = -32002
SERVER_ERROR: Final = -32000
EXECUTION_REVERTED: Final = 3
SYNC_TIMEOUT: Final = 4  # EIP-7966


class RpcError(LeveretError):
    """An answer that is an error object."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data

    def as_object(self) -> dict[str, Any]:
        """The `error` member of a reply."""
        error = {"code": self.code, "message": str(self)}
        return error if self.data is None else {**error, "data": self.data}


class InvalidParams(RpcError):
    """The arguments can't be meant (-32602)."""

    def __init__(self, message: str) -> None:
        super().__init__(INVALID_PARAMS, message)


class MethodNotFound(RpcError):
    """No such method (-32601)."""

    def __init__(self, method: str) -> None:
        super().__init__(METHOD_NOT_FOUND, f"the method {method[:100]} does not exist/is not available")


class ServerError(RpcError):
    """Well asked, but it can't be done (-32000)."""

    def __init__(self, message: str) -> None:
        super().__init__(SERVER_ERROR, message)


class InvalidValue(LeveretError):
    """
    One JSON value that does not fit; the dispatcher says which argument it was.

    `go_type` is what geth would have read it into, `field` the member of an object that it came from.
    """

    def __init__(self, reason: str, go_type: str | None = None, field: str | None = None) -> None:
        target = f"Go value of type {go_type}" if field is None else f"Go struct field {field} of type {go_type}"
        super().__init__(reason if go_type is None else f"json: cannot unmarshal {reason} into {target}")
        self.reason = reason
        self.go_type = go_type


def error_object(error: LeveretError) -> dict[str, Any]:
    """The `error` member of a reply for any expected trouble."""
    if isinstance(error, RpcError):
        return error.as_object()
    if isinstance(error, ExecutionReverted):
        return {"code": EXECUTION_REVERTED, "message": str(error), "data": "0x" + error.data.hex()}
    return {"code": SERVER_ERROR, "message": str(error)}
