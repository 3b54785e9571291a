"""
What stands in front of every request: Host and Origin, content type, size of the body, CORS headers.

Browsers are why the first two matter. A page that had its name resolved to this machine sends its own Host; any page
may send a request that needs no preflight. So only known Hosts and Origins are served, and a body must be called
JSON, which no page can do without asking first. A request without an Origin does not come from a page.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from rpc.settings import RpcSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON_CONTENT_TYPES: Final = frozenset((b"application/json", b"application/json-rpc", b"application/jsonrequest"))
LOCAL_HOSTS: Final = frozenset(("localhost", "127.0.0.1", "::1"))
# Hosts and origins as browsers write them (RFC 6454): scheme, host and perhaps port, nothing else. Whatever could be
# read in two ways, such as http://evil.com\@localhost, is none.
AUTHORITY: Final = r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
HOST: Final = re.compile(AUTHORITY)
PAGE_ORIGIN: Final = re.compile(f"https?://(?P<authority>{AUTHORITY})")
EXTENSION_ORIGIN: Final = re.compile(r"(?:chrome|moz)-extension://[a-z0-9-]+")
VERDICTS_REMEMBERED_MAX: Final = 1_024

PREFLIGHT_MAX_AGE_S: Final = b"600"


class HttpRefusal(Exception):
    """A request that is answered by HTTP itself; the connection is closed after it."""

    def __init__(self, status: int, text: str, headers: Headers | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers or []


class ClientGone(Exception):
    """The client left before its request was complete."""


class Guard:
    """Decides by the head of a request."""

    def __init__(self, settings: RpcSettings) -> None:
        self._vhosts = frozenset(host.lower() for host in settings.vhosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in settings.cors_origins)
        self._body_bytes_max = settings.body_bytes_max
        self._verdicts: dict[tuple[bytes, bytes], Headers | HttpRefusal] = {}

    def admit(self, host: bytes, origin: bytes) -> Headers:
        """The CORS headers of the answer; HttpRefusal (403) for a Host or Origin that is not served. b"" is none."""
        verdict = self._verdicts.get((host, origin))
        if verdict is None:
            verdict = self._judge(host, origin)
            if len(self._verdicts) >= VERDICTS_REMEMBERED_MAX:
                self._verdicts.clear()
            self._verdicts[host, origin] = verdict
        if isinstance(verdict, HttpRefusal):
            raise HttpRefusal(verdict.status, str(verdict))
        return verdict

    def check_content(self, content_type: bytes, encoding: bytes, length: bytes) -> None:
        """HttpRefusal for a body that is not plain JSON (415) or announces to be too long (413)."""
        if content_type not in JSON_CONTENT_TYPES and (
            content_type.partition(b";")[0].strip().lower() not in JSON_CONTENT_TYPES
        ):
            raise HttpRefusal(415, "invalid content type, only application/json is supported")
        if encoding and encoding.strip().lower() != b"identity":
            raise HttpRefusal(415, "a compressed request body is not supported")
        if length and length.isdigit() and int(length) > self._body_bytes_max:
            raise self._too_large()

    async def read_body(self, receive: Receive) -> bytes:
        """The whole body; HttpRefusal (413) as soon as it is too long, whatever it announced."""
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        body: bytes = message.get("body", b"")
        if message.get("more_body", False):
            parts, size_bytes = [body], len(body)
            while message.get("more_body", False) and size_bytes <= self._body_bytes_max:
                message = await receive()
                if message["type"] != "http.request":
                    raise ClientGone
                parts.append(message.get("body", b""))
                size_bytes += len(parts[-1])
            body = b"".join(parts)
        if len(body) > self._body_bytes_max:
            raise self._too_large()
        return body

    def _too_large(self) -> HttpRefusal:
        return HttpRefusal(413, f"content length too large: at most {self._body_bytes_max} bytes")

    def _judge(self, host: bytes, origin: bytes) -> Headers | HttpRefusal:
        if not self._is_host_served(host):
            return HttpRefusal(403, "invalid host specified: start the node with --vhosts to serve another name")
        if not origin:
            return []
        if not self._is_origin_served(origin, host):
            return HttpRefusal(403, "origin not allowed: start the node with --cors to serve another page")
        return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]

    def _is_host_served(self, host: bytes) -> bool:
        if not host or "*" in self._vhosts:
            return True
        name = _host_name(host)
        if name in LOCAL_HOSTS or name in self._vhosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_origin_served(self, origin: bytes, host: bytes) -> bool:
        text = origin.decode("latin-1").lower()
        if "*" in self._origins or text in self._origins or EXTENSION_ORIGIN.fullmatch(text):
            return True
        page = PAGE_ORIGIN.fullmatch(text)
        if page is None:
            return False
        # Or a page that this node serves itself, under a Host that was already found good.
        return _bare(page["name"]) in LOCAL_HOSTS or page["authority"] == host.decode("latin-1").lower()


def preflight_headers(wants_private_network: bool) -> Headers:
    """What a browser is told when it asks before it asks; the origin was already allowed."""
    headers = [
        (b"access-control-allow-methods", b"POST, GET, OPTIONS"),
        (b"access-control-allow-headers", b"content-type"),
        (b"access-control-max-age", PREFLIGHT_MAX_AGE_S),
    ]
    if wants_private_network:
        headers.append((b"access-control-allow-private-network", b"true"))
    return headers


def with_headers(send: Send, extra: Headers) -> Send:
    """The same `send`, with `extra` headers on every response."""

    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return send_with


def _host_name(host: bytes) -> str:
    """The name in a Host header, without port and brackets; empty if it is none."""
    found = HOST.fullmatch(host.decode("latin-1").lower())
    return "" if found is None else _bare(found["name"])


def _bare(name: str) -> str:
    return name.strip("[]").rstrip(".")
