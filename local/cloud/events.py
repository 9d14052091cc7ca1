"""Delivery of events to their targets, held to the target's role or resource policy as on AWS."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from local.cloud import ministack_events
from local.cloud.errors import AwsError
from local.cloud.iam import Iam
from local.cloud.ministack import Ministack
from local.cloud.ministack_events import Delivery

_LOG = logging.getLogger(__name__)


class Deliveries:
    """Brings events to functions, state machines and pipelines, off the thread that put them.

    A delivery that IAM refuses is dropped, as on AWS, and shows in the call log and the process's log.
    """

    def __init__(self, ministack: Ministack, iam: Iam, session: Callable[[Any], Any]) -> None:
        self._ministack = ministack
        self._iam = iam
        self._session = session
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="events")
        ministack_events.on_delivery(self._submit)

    def close(self) -> None:
        """Take no more deliveries."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _submit(self, delivery: Delivery) -> None:
        self._threads.submit(self._deliver, delivery)

    def _deliver(self, delivery: Delivery) -> None:
        try:
            if ":lambda:" in delivery.target_arn:
                self._invoke(delivery)
            elif ":codepipeline:" in delivery.target_arn:
                self._release(delivery)
            else:
                self._start(delivery)
        except (AwsError, ClientError) as error:
            _LOG.error("%s: not delivered to %s: %s", delivery.rule_arn, delivery.target_arn, error)
        except Exception:
            _LOG.exception("%s: not delivered to %s", delivery.rule_arn, delivery.target_arn)

    def _invoke(self, delivery: Delivery) -> None:
        if not delivery.role_arn and not self._iam.invocable(
            delivery.target_arn, "events.amazonaws.com", delivery.rule_arn
        ):
            raise AwsError("AccessDenied", "no resource policy lets events.amazonaws.com invoke the function")
        event = json.loads(delivery.payload)
        if delivery.role_arn:
            client = self._client("lambda", delivery)
            client.invoke(
                FunctionName=delivery.target_arn, InvocationType="Event", Payload=json.dumps(event).encode()
            )
        else:
            self._ministack.functions.invoke_asynchronously(delivery.target_arn, event)

    def _start(self, delivery: Delivery) -> None:
        client = self._client("stepfunctions", delivery)
        client.start_execution(stateMachineArn=delivery.target_arn, input=delivery.payload)

    def _release(self, delivery: Delivery) -> None:
        """Start a pipeline; a transformed input can say of which revisions and with which variables."""
        given = json.loads(delivery.payload or "{}")
        asked = {name: given[name] for name in ("sourceRevisions", "variables") if name in given}
        name = delivery.target_arn.rpartition(":")[2]
        self._client("codepipeline", delivery).start_pipeline_execution(name=name, **asked)

    def _client(self, service: str, delivery: Delivery) -> Any:
        if not delivery.role_arn:
            raise AwsError("AccessDenied", "the target has no role")
        principal = "scheduler" if ":scheduler:" in delivery.rule_arn else "events"
        rule = delivery.rule_arn.rpartition("/")[2]
        credentials = self._iam.service_credentials(
            delivery.role_arn, f"{principal}.amazonaws.com", f"AWSEvents_{rule}",
            context={"aws:SourceArn": delivery.rule_arn},
        )  # fmt: skip
        return self._session(credentials).client(service)
