"""Methods of polled filters and of subscriptions."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

from rpc.dispatch import Caller, Method, Parameter, Where
from rpc.encoding import read_text
from rpc.errors import METHOD_NOT_FOUND, RpcError
from rpc.filters import Filters
from rpc.json_objects import Json
from rpc.logs import LogCriteria, LogSearch, read_log_criteria
from rpc.subscriptions import Subscriptions


def read_options(value: Any) -> LogCriteria | bool:
    """The second argument of eth_subscribe: a filter object for logs, true for whole transactions."""
    return value if isinstance(value, bool) else read_log_criteria(value)


@dataclass(frozen=True)
class FilterMethods:
    """`eth_newFilter`, `eth_getFilterChanges`, `eth_subscribe`, ..."""

    filters: Filters
    search: LogSearch
    subscriptions: Subscriptions
    threads: Executor

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        filter_id = (Parameter(read_text),)
        return {
            "eth_newFilter": Method(self.new_logs, (Parameter(read_log_criteria),), takes_caller=True),
            "eth_newBlockFilter": Method(lambda caller: self.filters.new_blocks(caller.address), takes_caller=True),
            "eth_newPendingTransactionFilter": Method(
                lambda caller: self.filters.new_transactions(caller.address), takes_caller=True
            ),
            "eth_getFilterChanges": Method(self.filters.changes, filter_id, Where.TASK),
            "eth_getFilterLogs": Method(self.logs, filter_id, Where.TASK),
            "eth_uninstallFilter": Method(self.filters.remove, filter_id),
            "eth_subscribe": Method(
                self.subscribe, (Parameter(read_text), Parameter(read_options, LogCriteria())), takes_caller=True
            ),
            "eth_unsubscribe": Method(self.unsubscribe, filter_id, takes_caller=True),
        }

    def new_logs(self, caller: Caller, criteria: LogCriteria) -> str:
        """A filter for logs."""
        return self.filters.new_logs(caller.address, criteria)

    async def logs(self, filter_id: str) -> list[Json]:
        """All logs that a filter means."""
        search = partial(self.search.find, self.filters.criteria(filter_id))
        return await asyncio.get_running_loop().run_in_executor(self.threads, search)

    def subscribe(self, caller: Caller, kind: str, options: LogCriteria | bool) -> str:
        """A subscription of the caller's WebSocket."""
        if caller.socket is None:
            raise RpcError(METHOD_NOT_FOUND, "notifications not supported")
        if isinstance(options, LogCriteria):
            return self.subscriptions.add(caller.socket, kind, options, full=False)
        return self.subscriptions.add(caller.socket, kind, LogCriteria(), full=options)

    def unsubscribe(self, caller: Caller, subscription_id: str) -> bool:
        """Whether it ended."""
        if caller.socket is None:
            raise RpcError(METHOD_NOT_FOUND, "notifications not supported")
        self.subscriptions.remove(caller.socket, subscription_id)
        return True
