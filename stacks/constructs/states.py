"""States of our state machines: a call with timeout and retries, a wait until something is ready."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

_PASSES_BY_ITSELF = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "InternalFailure",
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "Contended",
    # Of Application Auto Scaling, while it is still at the change before.
    "ConcurrentUpdateException",
    "InternalServiceException",
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "EndpointConnectionError",
    "IncompleteReadError",
    "ReadTimeoutError",
    "ResponseStreamingError",
]


def call(
    scope: Construct,
    name: str,
    function: lambda_.Function,
    payload: Mapping[str, Any],
    result_path: str,
    *,
    wait_on: Sequence[str] = (),
    wait_minutes: int = 20,
    on_failure: sfn.IChainable | None = None,
) -> tasks.LambdaInvoke:
    """Call a function, again after what passes by itself, and keep the answer at `result_path`.

    Errors in `wait_on` mean "not yet": they are tried again every 20 seconds for up to `wait_minutes`. What
    fails in the end is kept at `$.failure` and leads to `on_failure`.
    """
    timeout = function.timeout or cdk.Duration.seconds(30)
    state = tasks.LambdaInvoke(
        scope,
        name,
        lambda_function=function,
        payload=sfn.TaskInput.from_object(dict(payload)),
        payload_response_only=True,
        result_path=result_path,
        retry_on_service_exceptions=False,
        task_timeout=sfn.Timeout.duration(timeout.plus(cdk.Duration.seconds(10))),
    )
    retry_what_passes(state, max_attempts=5)
    if wait_on:
        state.add_retry(
            errors=list(wait_on),
            interval=cdk.Duration.seconds(20),
            backoff_rate=1,
            max_attempts=wait_minutes * 3,
        )
    if on_failure is not None:
        state.add_catch(on_failure, result_path="$.failure")
    return state


def retry_what_passes(state: tasks.LambdaInvoke, *, max_attempts: int) -> None:
    """Wait ever longer, up to five minutes, for what passes by itself.

    An API's error that its model does not list, throttling by SageMaker or S3 among them, reaches us as
    ClientError only. It may as well be a denial, which should soon fail in its own words.
    """
    for errors, attempts in ((_PASSES_BY_ITSELF, max_attempts), (["ClientError"], 3)):
        state.add_retry(
            errors=errors,
            interval=cdk.Duration.seconds(2),
            backoff_rate=2,
            max_attempts=attempts,
            max_delay=cdk.Duration.minutes(5),
            jitter_strategy=sfn.JitterType.FULL,
        )


def until_ready(
    scope: Construct,
    question: str,
    *,
    check: tasks.LambdaInvoke,
    status_path: str,
    then: sfn.IChainable,
    every_seconds: int | str,
) -> tasks.LambdaInvoke:
    """Repeat `check` until the status that it leaves is `ready`; the function says when it is too late.

    `every_seconds` may be the path to where it leaves for how long to wait.
    """
    subject = question.rstrip("?").removeprefix("Is ").removeprefix("Are ")
    if isinstance(every_seconds, str):
        time = sfn.WaitTime.seconds_path(every_seconds)
    else:
        time = sfn.WaitTime.duration(cdk.Duration.seconds(every_seconds))
    wait = sfn.Wait(scope, f"Wait: {subject}", time=time)
    choice = sfn.Choice(scope, question)
    choice.when(sfn.Condition.string_equals(status_path, "ready"), then).otherwise(wait)
    wait.next(check)
    check.next(choice)
    return check


def fields(*names: str) -> dict[str, str]:
    """Payload entries that are copied from the state under the same name."""
    return {name: sfn.JsonPath.string_at(f"$.{name}") for name in names}


EXECUTION = "$$.Execution.Name"
STARTED = "$$.Execution.StartTime"
