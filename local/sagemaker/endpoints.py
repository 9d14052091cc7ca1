"""Endpoints: real servers, healthy before they are InService, replaced only by healthy ones."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.processes import Processes
from local.sagemaker.deployment import Deployment
from local.sagemaker.endpoint_companion import Companion
from local.sagemaker.events import emit, milliseconds
from local.sagemaker.instance import UnhealthyError
from local.sagemaker.model import answer
from local.sagemaker.models import EndpointConfigs, Models
from local.sagemaker.refuse import refuse, refuse_given, refuse_unless
from local.sagemaker.request_statistics import Statistics
from local.sagemaker.table import Record, Table, listing, now, worded
from local.sagemaker.tags import Tags

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_log = logging.getLogger(__name__)
_WATCH_EVERY_SECONDS = 0.5
_LONGEST_REASON = 1024
_EVENT_STATUS = {
    "Creating": "CREATING",
    "InService": "IN_SERVICE",
    "Updating": "UPDATING",
    "Failed": "FAILED",
    "Deleting": "DELETING",
}


class Endpoints:
    """The endpoints of the account, by name."""

    def __init__(
        self, cloud: LocalCloud, processes: Processes, models: Models, configs: EndpointConfigs, tags: Tags
    ) -> None:
        self.requests = Statistics()
        self.companions: list[Companion] = []
        self._cloud, self._processes, self._tags = cloud, processes, tags
        self._models, self._configs = models, configs
        self._lock = threading.Lock()
        self._serving: dict[str, Deployment] = {}
        self._starting: dict[str, Deployment] = {}
        self._number = 0
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None
        arn = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:endpoint"
        self._table = Table(
            worded(lambda name: f'Could not find endpoint "{arn}/{name.lower()}".'),
            worded(lambda name: f'Cannot create already existing endpoint "{arn}/{name.lower()}".'),
        )

    def create_endpoint(self, call: Call, **request: Any) -> Record:
        """Serve CreateEndpoint: the servers start, and the endpoint is InService once they answer."""
        name, config_name = request["EndpointName"], request["EndpointConfigName"]
        refuse_deployment(request.get("DeploymentConfig"))
        config = self._configs.get(config_name)
        arn = call.arn("sagemaker", f"endpoint/{name.lower()}")
        time = now()
        made = {
            "EndpointArn": arn,
            "EndpointStatus": "Creating",
            "CreationTime": time,
            "LastModifiedTime": time,
        }
        self._table.add(name, {"EndpointName": name, "EndpointConfigName": config_name, **made})
        self._tags.keep(arn, request.get("Tags", []))
        self._emit(name)
        self._in_thread(name, config, "Failed")
        return {"EndpointArn": arn}

    def update_endpoint(self, call: Call, **request: Any) -> Record:
        """Serve UpdateEndpoint: the old servers answer until the new ones do, and stay if they never do."""
        name, config_name = request["EndpointName"], request["EndpointConfigName"]
        refuse_given(
            "UpdateEndpoint", request, "RetainAllVariantProperties", "ExcludeRetainedVariantProperties"
        )
        refuse_deployment(request.get("DeploymentConfig"))
        config = self._configs.get(config_name)
        endpoint = self._table.get(name)
        name = endpoint["EndpointName"]
        old = self._configs.find(endpoint["EndpointConfigName"]) or {"ProductionVariants": []}
        for companion in self.companions:
            companion.before_update(call, endpoint, old, config)
        endpoint = self._table.change(name, _at_rest, EndpointStatus="Updating", LastModifiedTime=now())
        self._emit(name)
        self._in_thread(name, config, "InService" if name in self._serving else "Failed")
        return {"EndpointArn": endpoint["EndpointArn"]}

    def _in_thread(self, name: str, config: Record, otherwise: str) -> None:
        threading.Thread(
            target=self._deploy, args=(name, config, otherwise), name=f"endpoint {name}", daemon=True
        ).start()

    def _deploy(self, name: str, config: Record, otherwise: str) -> None:
        """Start servers for a configuration and put them in place; `otherwise` is the status if they fail."""
        with self._lock:
            self._number += 1
            folder = Path(self._cloud.state_dir) / "sagemaker/endpoint" / name / f"deployment-{self._number}"
            deployment = Deployment(self._cloud, self._processes, name, config, folder)
            self._starting[name] = deployment
        try:
            deployment.start(self._models.get)
        except (UnhealthyError, AwsError, OSError, RuntimeError) as error:
            self._end(name, EndpointStatus=otherwise, FailureReason=str(error)[-_LONGEST_REASON:])
            return
        finally:
            with self._lock:
                self._starting.pop(name, None)
        with self._lock:
            old = self._serving.pop(name, None)
            gone = name not in self._table or self._closed.is_set()
            if not gone:
                self._serving[name] = deployment
                self._watch()
        if gone:
            deployment.stop()
            return
        config_name = config["EndpointConfigName"]
        self._end(name, EndpointStatus="InService", EndpointConfigName=config_name, FailureReason=None)
        if old:
            old.retire()

    def _end(self, name: str, **changes: Any) -> None:
        try:
            self._table.update(name, LastModifiedTime=now(), **changes)
        except AwsError:
            return  # deleted meanwhile
        self._emit(name)

    def describe_endpoint(self, call: Call, *, EndpointName: str) -> Record:  # noqa: N803
        """Serve DescribeEndpoint."""
        record = self._table.get(EndpointName)
        deployment = self.serving(record["EndpointName"])
        if deployment:
            record["ProductionVariants"] = deployment.describe()
        for companion in self.companions:
            companion.describe(record)
        return answer("DescribeEndpoint", record)

    def delete_endpoint(self, call: Call, *, EndpointName: str) -> None:  # noqa: N803
        """Serve DeleteEndpoint: its servers have ended when this returns."""
        endpoint = self._table.get(EndpointName)
        for companion in self.companions:
            companion.before_delete(call, endpoint)
        name = self._table.update(EndpointName, EndpointStatus="Deleting")["EndpointName"]
        self._emit(name)
        with self._lock:
            arn = self._table.remove(name)["EndpointArn"]
            ending = [self._serving.pop(name, None), self._starting.pop(name, None)]
        self._tags.forget(arn)
        for deployment in ending:
            if deployment:
                deployment.stop()

    def list_endpoints(self, call: Call, **params: Any) -> Record:
        """Serve ListEndpoints."""
        return listing(
            self._table.records(),
            params,
            name="EndpointName",
            status="EndpointStatus",
            member="Endpoints",
            fields=("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus"),
        )

    def serving(self, name: str) -> Deployment | None:
        """Give what answers an endpoint's requests now, also while it is being updated."""
        return self._serving.get(self._table.get(name)["EndpointName"]) if name in self._table else None

    def statistics(self, endpoint: str) -> dict[str, Any]:
        """Give the endpoint's requests: {"requests", "errors", "p50_ms", "p95_ms", "variants"}."""
        return self.requests.of(endpoint)

    def _watch(self) -> None:
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._revive_until_closed, name="endpoints", daemon=True)
            self._watcher.start()

    def _revive_until_closed(self) -> None:
        while not self._closed.wait(_WATCH_EVERY_SECONDS):
            with self._lock:
                serving = dict(self._serving)
            for name, deployment in serving.items():
                for variant in deployment.revive():
                    _log.warning(
                        "endpoint %s: an instance of variant %s had died and was started again", name, variant
                    )

    def close(self) -> None:
        """End every server."""
        self._closed.set()
        with self._lock:
            ending = [*self._serving.values(), *self._starting.values()]
            self._serving.clear()
        for deployment in ending:
            deployment.stop()

    def _emit(self, name: str) -> None:
        record = self._table.get(name)
        config: Mapping[str, Any] = self._configs.find(record["EndpointConfigName"]) or {}
        variants = [
            {
                "VariantName": variant["VariantName"],
                "DesiredWeight": variant.get("InitialVariantWeight", 1.0),
                "DesiredInstanceCount": variant.get("InitialInstanceCount"),
            }
            for variant in config.get("ProductionVariants", [])
        ]
        detail = {
            "EndpointName": name,
            "EndpointArn": record["EndpointArn"],
            "EndpointConfigName": record["EndpointConfigName"],
            "ProductionVariants": variants,
            "EndpointStatus": _EVENT_STATUS[record["EndpointStatus"]],
            "FailureReason": record.get("FailureReason"),
            "CreationTime": milliseconds(record["CreationTime"]),
            "LastModifiedTime": milliseconds(record["LastModifiedTime"]),
            "Tags": {tag["Key"]: tag["Value"] for tag in self._tags.of(record["EndpointArn"])},
        }
        emit(self._cloud, "Endpoint State Change", detail, [record["EndpointArn"]])


def _at_rest(endpoint: Record) -> None:
    if endpoint["EndpointStatus"] not in ("InService", "Failed"):
        message = f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".'
        raise AwsError("ValidationException", message)


def refuse_deployment(config: Mapping[str, Any] | None) -> None:
    """Refuse the ways of shifting traffic that are not served: all at once is the only one."""
    if not config:
        return
    refuse_given("DeploymentConfig", config, "RollingUpdatePolicy")
    if config.get("AutoRollbackConfiguration", {}).get("Alarms"):
        raise refuse("DeploymentConfig with AutoRollbackConfiguration")
    routing = config.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    refuse_unless("TrafficRoutingConfiguration.Type", routing.get("Type"), "ALL_AT_ONCE")
