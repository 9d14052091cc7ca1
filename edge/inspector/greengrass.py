"""The nucleus, as the inspector uses it through Greengrass IPC."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import QOS, ReportedLifecycleState

_TIMEOUT_SECONDS = 10


class Nucleus:
    """Configuration, state and heartbeat. The first is needed; the others are tried and logged."""

    def __init__(self, client: GreengrassCoreIPCClientV2, log: Callable[[str], None]) -> None:
        self._client = client
        self._log = log

    def configuration(self) -> Mapping[str, object]:
        """Return the component's own configuration. Raises what awsiotsdk raises."""
        value: Mapping[str, object] = self._client.get_configuration_async().result(_TIMEOUT_SECONDS).value
        return value

    def on_configuration_update(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each change of the configuration."""
        try:
            self._client.subscribe_to_configuration_update(
                on_stream_event=lambda _: changed(), on_stream_error=self._stream_error
            )
        except Exception as error:  # an older nucleus without it: a restart brings the change
            self._log(f"configuration updates are not announced: {error!r}")

    def _stream_error(self, error: Exception) -> bool:
        self._log(f"configuration updates: {error!r}")
        return False

    def running(self) -> None:
        """Tell the nucleus that the component works."""
        self._try(
            "state RUNNING", lambda: self._client.update_state_async(state=ReportedLifecycleState.RUNNING)
        )

    def errored(self) -> None:
        """Tell the nucleus that the component cannot work."""
        self._try(
            "state ERRORED", lambda: self._client.update_state_async(state=ReportedLifecycleState.ERRORED)
        )

    def heartbeat(self, thing: str, report: Mapping[str, object]) -> None:
        """Publish the health to IoT Core; being offline or not allowed to is no error."""
        self._try(
            "heartbeat",
            lambda: self._client.publish_to_iot_core_async(
                topic_name=f"edgeline/{thing}/health",
                qos=QOS.AT_LEAST_ONCE,
                payload=json.dumps(report).encode(),
            ),
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close(executor_wait=False)

    def _try(self, what: str, operation: Callable[[], "Future[Any]"]) -> None:
        try:
            operation().result(_TIMEOUT_SECONDS)
        except Exception as error:  # awsiotsdk's errors share no base class with its transport's
            self._log(f"{what}: {error!r}")
