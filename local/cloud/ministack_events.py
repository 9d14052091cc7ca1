"""Events on ministack's buses: those of AWS services, and all on their way to their targets."""

from __future__ import annotations

import contextvars
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.cloud import ministack_accounts as accounts
from local.cloud import ministack_request as request
from local.cloud.touchpoints import Touchpoint, module

TOUCHPOINTS = (
    Touchpoint("ministack.services.eventbridge", "_put_events", ("data", "allow_aws_source")),
    Touchpoint("ministack.services.eventbridge", "_invoke_target", ("target", "event", "rule")),
    Touchpoint("ministack.services.eventbridge", "_dispatch_to_stepfunctions", ("arn", "payload")),
    Touchpoint("ministack.services.eventbridge", "_dispatch_to_lambda", ("arn", "payload")),
    Touchpoint("ministack.services.eventbridge", "_SUPPORTED_TARGET_SERVICES"),
)

_EVENT_TARGETS = ("lambda", "states", "sqs", "sns", "events", "codepipeline")


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one target."""

    target_arn: str
    role_arn: str
    rule_arn: str
    payload: str


_delivery: contextvars.ContextVar[Delivery | None] = contextvars.ContextVar("delivery", default=None)


def mend() -> None:
    """Bring events only to targets that are reached."""
    module("services.eventbridge")._SUPPORTED_TARGET_SERVICES.intersection_update(_EVENT_TARGETS)


def emit(
    account: str,
    region: str,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    resources: Sequence[str],
) -> None:
    """Put an event of an AWS service on an account's default bus, which PutEvents refuses to do."""
    entry = {
        "Source": source, "DetailType": detail_type, "Detail": json.dumps(detail),
        "Resources": list(resources),
    }  # fmt: skip
    with accounts.within(account, region):
        module("services.eventbridge")._put_events({"Entries": [entry]}, allow_aws_source=True)


def on_delivery(deliver: Callable[[Delivery], None]) -> None:
    """Let `deliver` bring events to functions, state machines and pipelines; it must not block."""
    events = module("services.eventbridge")
    original = events._invoke_target

    @functools.wraps(original)
    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> None:
        rule_arn = rule.get("Arn", "")
        arn = target.get("Arn", "")
        token = _delivery.set(Delivery(arn, target.get("RoleArn", ""), rule_arn, ""))
        # ministack drops what is for a pipeline; for a state machine it makes the payload and dispatches.
        handed = {**target, "Arn": arn.replace(":codepipeline:", ":states:")}
        try:
            original(handed, event, rule, view)
        finally:
            _delivery.reset(token)

    def dispatch(arn: str, payload: str) -> None:
        on_way = request.required(_delivery)
        deliver(Delivery(on_way.target_arn, on_way.role_arn, on_way.rule_arn, payload))

    events._invoke_target = invoke_target
    events._dispatch_to_stepfunctions = dispatch
    events._dispatch_to_lambda = dispatch
