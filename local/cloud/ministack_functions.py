"""ministack's Lambda functions: who may invoke them, and what they fail of."""

from __future__ import annotations

import functools
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from local.cloud import ministack_accounts as accounts
from local.cloud.processes import Stopping
from local.cloud.touchpoints import Touchpoint, module

TOUCHPOINTS = (
    Touchpoint("ministack.core.lambda_runtime", "reset"),
    Touchpoint("ministack.core.lambda_runtime", "_lock"),
    Touchpoint("ministack.core.lambda_runtime", "_workers"),
    Touchpoint("ministack.core.lambda_runtime", "kill_workers", ("workers",)),
    Touchpoint("ministack.core.lambda_runtime", "Worker"),
    Touchpoint("ministack.services.lambda_svc", "reap_idle_workers", ("ttl",)),
    Touchpoint("ministack.services.apigateway_v1", "_call_lambda_raw", ("function_ref", "event")),
    Touchpoint("ministack.services.lambda_svc", "_get_func_record_for_ref"),
    Touchpoint("ministack.services.lambda_svc", "_execution_record_for_config"),
    Touchpoint("ministack.services.lambda_svc", "invoke_async_with_retry", ("func", "event")),
    Touchpoint("ministack.services.lambda_svc", "_execute_function_warm", ("func", "event", "request_id")),
)

# Sooner than on AWS: a line has some seventy functions, and a laptop holds them all in memory.
IDLE_SECONDS = 120.0

_stopping = threading.Event()


class Functions:
    """The functions of all accounts."""

    def __init__(self, account: str, region: str) -> None:
        self._account, self._region = account, region
        _name_errors()
        start_none_once(_stopping, module("core.lambda_runtime").Worker)
        module("services.lambda_svc").reap_idle_workers = end_idle

    def policy(self, function_arn: str) -> Mapping[str, Any] | None:
        """Return the resource policy of a function; None when there is no such function."""
        with self._scope_of(function_arn):
            record, config, _ = module("services.lambda_svc")._get_func_record_for_ref(function_arn)
            if not record or not config:
                return None
            policy = record.get("policy") or config.get("_policy") or {"Statement": []}
            return json.loads(policy) if isinstance(policy, str) else dict(policy)

    def on_api_invocation(self, may_invoke: Callable[[str, str], bool]) -> None:
        """Let `may_invoke` decide, by function and API method ARN, whether an API may call a function."""
        apis = module("services.apigateway_v1")
        original = apis._call_lambda_raw

        @functools.wraps(original)
        async def call(function: str, event: Mapping[str, Any], **scope: Any) -> Any:
            context = event["requestContext"]
            method = f"{context['stage']}/{context['httpMethod']}{context['resourcePath']}"
            api = f"arn:aws:execute-api:{self._region}:{context['accountId']}:{context['apiId']}/{method}"
            if not may_invoke(function, api):
                return None, f"{function} does not let {api} invoke it"
            return await original(function, event, **scope)

        apis._call_lambda_raw = call

    def invoke_asynchronously(self, function_arn: str, event: Any) -> None:
        """Queue an event for a function, retried as Lambda retries asynchronous invocations."""
        with self._scope_of(function_arn):
            functions = module("services.lambda_svc")
            record, config, _ = functions._get_func_record_for_ref(function_arn)
            functions.invoke_async_with_retry(functions._execution_record_for_config(record, config), event)

    def _scope_of(self, arn: str) -> AbstractContextManager[None]:
        return accounts.within(accounts.account_of_arn(arn) or self._account, self._region)


def stop() -> None:
    """End the processes that functions run in, and let none begin: requests are answered until the last."""
    _stopping.set()
    module("core.lambda_runtime").reset()


def start_none_once(stopping: threading.Event, worker: Any) -> None:
    """Let the class `worker` start no process once that is set, and end one that it was just starting.

    Who invokes it then is told of a failed function: an exception would be printed by ministack's threads.
    """
    original_spawn, original_invoke = worker._spawn, worker.invoke

    @functools.wraps(original_spawn)
    def spawn(self: Any) -> None:
        if not stopping.is_set():
            original_spawn(self)
        if stopping.is_set():
            if self._proc is not None:
                self._proc.kill()
                self._proc.wait()
            raise Stopping("the local cloud is stopping: no function is started any more")

    @functools.wraps(original_invoke)
    def invoke(self: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        try:
            return dict(original_invoke(self, *arguments, **options))
        except Stopping as stop:
            return {"status": "error", "error": str(stop)}

    worker._spawn, worker.invoke = spawn, invoke


def end_idle(ttl: float = IDLE_SECONDS) -> None:
    """End the processes of functions that nobody has called for `ttl` seconds; the next call starts another.

    ministack asks for this twice a minute. Its own keeps the first process of each function for ever.
    """
    runtime, now = module("core.lambda_runtime"), time.time()
    with runtime._lock:
        workers = [worker for workers in runtime._workers.values() for worker in workers]
        idle = [worker for worker in workers if not worker.in_use and now - worker.last_used >= ttl]
        for key, pool in runtime._workers.items():
            runtime._workers[key] = [worker for worker in pool if worker not in idle]
    runtime.kill_workers(idle)


def _name_errors() -> None:
    """Give a failed function's answer the name of its exception, which state machines catch it by."""
    functions = module("services.lambda_svc")
    original = functions._execute_function_warm

    @functools.wraps(original)
    def execute(function: Any, event: Any, request_id: str) -> Any:
        answer = original(function, event, request_id)
        name = exception_name(str(answer.get("log", "")))
        if answer.get("error") and name:
            answer["body"]["errorType"] = name
        return answer

    functions._execute_function_warm = execute


def exception_name(log: str) -> str | None:
    """Return the name of the exception that a log's last traceback ends with; its message may have lines."""
    _, traceback, frames = log.rpartition("Traceback (most recent call last):")
    if not traceback:
        return None
    name = re.search(r"^(?:\w+\.)*(\w+)(?::|$)", frames.lstrip("\n"), re.MULTILINE)
    return name[1] if name else None
