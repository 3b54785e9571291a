"""What a node may change about its JSON-RPC service; each bound with its unit."""

from dataclasses import dataclass

from primitives.constants import (
    CALL_GAS_CAP,
    LOGS_BLOCKS_MAX,
    LOGS_RESULTS_MAX,
    RPC_BATCH_ITEMS_MAX,
    RPC_BODY_BYTES_MAX,
    RPC_REPLY_BYTES_MAX,
)


@dataclass(frozen=True)
class RpcSettings:
    """
    `vhosts` are Host names served besides localhost and literal addresses, `cors_origins` the Origins of web pages
    that may ask besides browser extensions and pages on localhost; "*" stands for any.
    """

    vhosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    wallet_over_network: bool = False  # Dev accounts sign for clients that are not on this machine, too.

    # One request.
    body_bytes_max: int = RPC_BODY_BYTES_MAX
    batch_items_max: int = RPC_BATCH_ITEMS_MAX
    reply_bytes_max: int = RPC_REPLY_BYTES_MAX
    batch_time_s: float = 30.0
    call_gas_cap: int = CALL_GAS_CAP
    logs_results_max: int = LOGS_RESULTS_MAX
    logs_blocks_max: int = LOGS_BLOCKS_MAX
    # Calls and estimates, and searches in the history, that run at once; they have threads of their own, so that calls
    # which compute for long do not hold up those who only read. One that waited too long for a thread is not run.
    call_threads: int = 2
    read_threads: int = 2
    thread_wait_s: float = 10.0

    # Connections. A slow client is closed after these times; `idle` is between two requests.
    connections_max: int = 1_000
    connections_per_address_max: int = 256
    head_bytes_max: int = 64 * 1024
    head_time_s: float = 5.0
    body_time_s: float = 10.0
    write_time_s: float = 30.0
    idle_time_s: float = 120.0
    shutdown_time_s: float = 1.0

    # Filters and subscriptions.
    filter_idle_s: float = 300.0
    filters_max: int = 10_000
    filters_per_address_max: int = 1_000
    socket_message_bytes_max: int = 1024 * 1024
    socket_queue_messages_max: int = 1_024
    socket_queue_bytes_max: int = 8 * 1024 * 1024
    socket_subscriptions_max: int = 100
    socket_requests_max: int = 64  # In work at once; further messages wait unread.
