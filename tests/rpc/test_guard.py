"""Who may ask: Host, Origin, content type, size."""

import json

import httpx
import pytest

from rpc.settings import RpcSettings
from tests.rpc.client import Client

BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"})

LOCAL_PAGES = [
    "http://[::1]:3000",
    "http://localhost",
    "http://localhost:3000",
    "https://localhost:8443",
    "http://127.0.0.1:5173",
]
EXTENSIONS = ["chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn", "moz-extension://a-b-c"]
FOREIGN_PAGES = [
    "https://evil.com",
    "http://localhost.evil.com",
    "http://evil.com:8545",
    "http://127.0.0.1.evil.com",
    "http://evil.com/localhost",
    "https://app.example",
    "file://",
    "null",
    "http://[::1",
    "ftp://localhost",
    "localhost",
    "http://evil.com\\@localhost",
    "http://evil.com@localhost",
    "http://evil.com/@localhost",
    "http://evil.com#@localhost",
    "http://localhost:80@evil.com",
    "http://localhost:port",
    "http://localhost:",
    "http://localhost/",
    "http://localhost?evil.com",
    "http://local\thost",
    "http://::1",
    "http://[::1]evil.com",
    "http://localhost, http://evil.com",
    "http://",
    "chrome-extension://a@evil.com",
    "chrome-extension://",
    "",
]
SERVED_HOSTS = [
    "localhost",
    "localhost:8545",
    "LOCALHOST:8545",
    "127.0.0.1:8545",
    "[::1]:8545",
    "[::1]",
    "192.168.1.7:8545",
    "10.0.0.1",
    "[fe80::1]:8545",
]
OTHER_HOSTS = ["evil.com", "evil.com:8545", "localhost.evil.com", "127.0.0.1.evil.com", "[evil]:1", "0x7f.1", "a b"]
OTHER_HOSTS += ["localhost:1@evil.com", "[::1]evil.com", "localhost/evil.com", "localhost:port", "evil.com\\@localhost"]


def origin_headers(response: httpx.Response) -> dict[str, str]:
    return {
        name: value for name, value in response.headers.items() if name.startswith("access-control") or name == "vary"
    }


@pytest.mark.parametrize("host", SERVED_HOSTS)
@pytest.mark.parametrize("path", ["/", "/health/live"])
def test_this_machine_and_literal_addresses_are_served(client: Client, host, path):
    response = client.request(
        "POST" if path == "/" else "GET", path, content=BODY, headers={"host": host, "content-type": "application/json"}
    )
    assert response.status_code == 200


@pytest.mark.parametrize("host", OTHER_HOSTS)
@pytest.mark.parametrize("path", ["/", "/health/live", "/docs"])
def test_any_other_name_is_not_served(client: Client, host, path):
    for method in ("GET", "POST", "OPTIONS"):
        assert client.request(method, path, headers={"host": host}).status_code == 403


@pytest.mark.parametrize("origin", LOCAL_PAGES + EXTENSIONS)
def test_local_pages_and_extensions_may_ask(client: Client, origin):
    response = client.post(BODY, {"origin": origin})
    assert response.status_code == 200
    assert origin_headers(response) == {"access-control-allow-origin": origin, "vary": "Origin"}
    preflight = client.request(
        "OPTIONS",
        "/",
        headers={
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        },
    )
    assert preflight.status_code == 204
    assert origin_headers(preflight) == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST, GET, OPTIONS",
        "access-control-allow-headers": "content-type",
        "access-control-max-age": "600",
        "vary": "Origin",
    }
    assert (
        client.request("GET", "/health/ready", headers={"origin": origin}).headers["access-control-allow-origin"]
        == origin
    )


@pytest.mark.parametrize("origin", [origin for origin in FOREIGN_PAGES if origin])
@pytest.mark.parametrize("method", ["POST", "OPTIONS", "GET"])
def test_foreign_pages_may_not(client: Client, origin, method):
    headers = {"origin": origin, "content-type": "application/json", "access-control-request-private-network": "true"}
    response = client.request(method, "/", content=BODY, headers=headers)
    assert response.status_code == 403
    assert origin_headers(response) == {}


def test_the_private_network_is_granted_only_when_asked_for(client: Client):
    asked = {"origin": LOCAL_PAGES[0], "access-control-request-private-network": "true"}
    assert client.request("OPTIONS", "/", headers=asked).headers["access-control-allow-private-network"] == "true"
    assert "access-control-allow-private-network" not in client.post(BODY, asked).headers


def test_a_program_needs_no_origin(client: Client):
    response = client.post(BODY)
    assert (response.status_code, origin_headers(response)) == (200, {})


def test_pages_that_this_node_serves_may_ask_it(client: Client):
    own = {"host": "192.168.1.7:8545", "origin": "http://192.168.1.7:8545"}
    assert client.post(BODY, own).status_code == 200
    assert client.post(BODY, {**own, "origin": "http://192.168.1.7:3000"}).status_code == 403


class TestWider:
    @pytest.fixture
    def settings(self) -> RpcSettings:
        return RpcSettings(vhosts=("node.example",), cors_origins=("https://App.example/",))

    def test_more_names_and_pages_can_be_allowed(self, client: Client):
        assert client.post(BODY, {"host": "Node.example:8545"}).status_code == 200
        response = client.post(BODY, {"origin": "https://app.example"})
        assert response.headers["access-control-allow-origin"] == "https://app.example"
        assert client.post(BODY, {"origin": "https://other.example"}).status_code == 403
        assert client.post(BODY, {"host": "other.example"}).status_code == 403


class TestOpen:
    @pytest.fixture
    def settings(self) -> RpcSettings:
        return RpcSettings(vhosts=("*",), cors_origins=("*",))

    def test_a_star_stands_for_any(self, client: Client):
        for origin in ("https://evil.com", "null"):
            response = client.post(BODY, {"host": "anything", "origin": origin})
            assert response.headers["access-control-allow-origin"] == origin


def test_verdicts_are_remembered_without_end_of_memory(client: Client):
    for index in range(3_000):
        assert client.app._guard.admit(b"10.0.%d.%d" % (index // 256, index % 256), b"") == []
    assert len(client.app._guard._verdicts) <= 1_024


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json-rpc",
        "application/jsonrequest",
    ],
)
def test_json_by_any_of_its_names_is_taken(client: Client, content_type):
    assert client.post(BODY, {"content-type": content_type}).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/plain;application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "json",
    ],
)
def test_what_a_page_could_send_unasked_is_refused(client: Client, content_type):
    response = client.post(BODY, {"content-type": content_type})
    assert response.status_code == 415
    assert client.request("POST", "/", content=BODY, headers={}).status_code == 415


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, identity"])
def test_compressed_bodies_are_refused(client: Client, encoding):
    assert client.post(BODY, {"content-encoding": encoding}).status_code == 415


def test_a_body_may_have_5_mb_and_no_more(client: Client):
    limit = client.app.settings.body_bytes_max
    assert client.post(BODY.ljust(limit)).status_code == 200
    assert client.post(BODY.ljust(limit + 1)).status_code == 413


def test_a_body_is_counted_when_it_does_not_say_its_size(client: Client):
    sent = 0

    async def parts():
        nonlocal sent
        while sent < 100 * 2**20:
            sent += 2**16
            yield b" " * 2**16

    response = client.run(client._http.post("/", content=parts(), headers={"content-type": "application/json"}))
    assert response.status_code == 413
    assert sent <= client.app.settings.body_bytes_max + 2**17


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "TRACE"])
def test_other_http_methods_are_refused(client: Client, method):
    response = client.request(method, "/")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST, OPTIONS"


def test_the_rest_is_fastapis(client: Client):
    assert client.request("GET", "/health/live").json() == {"status": "live"}
    assert client.request("GET", "/health/ready").json() == {"status": "ready", "blockNumber": 0}
    assert "swagger" in client.request("GET", "/docs").text
    assert client.request("GET", "/nonsense").status_code == 404
    assert client.request("POST", "/nonsense", content=BODY).status_code == 404
