"""Endpoints: real servers, healthy before they are InService, replaced only by healthy ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.processes import Processes
from local.sagemaker.hosting.capacities import Change, apply_counts, apply_weights, check_changes, retain
from local.sagemaker.hosting.endpoint_companion import Companion
from local.sagemaker.hosting.endpoint_events import emit_deployment, emit_state
from local.sagemaker.hosting.failure import failure_reason
from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.invocation_metrics import InvocationMetrics
from local.sagemaker.hosting.live import Live, Pending
from local.sagemaker.hosting.models import EndpointConfigs, Models
from local.sagemaker.hosting.plan import Plan, check_plan, read_plan
from local.sagemaker.hosting.request_statistics import Statistics
from local.sagemaker.hosting.rollout import Rollouts
from local.sagemaker.model import answer
from local.sagemaker.refuse import refuse
from local.sagemaker.table import Record, Table, listing, now, worded
from local.sagemaker.tags import Tags

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_WATCH_EVERY_SECONDS = 0.5


class Endpoints:
    """The endpoints of the account, by name."""

    def __init__(
        self, cloud: LocalCloud, processes: Processes, models: Models, configs: EndpointConfigs, tags: Tags
    ) -> None:
        self.requests, self.metrics = Statistics(), InvocationMetrics(cloud)
        self.companions: list[Companion] = []
        self._cloud, self._tags, self._configs = cloud, tags, configs
        self._rollouts = Rollouts(cloud, processes, models)
        self._lock = threading.Lock()
        self._live: dict[str, Live] = {}
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None
        arn = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:endpoint"
        self._table = Table(
            worded(lambda name: f'Could not find endpoint "{arn}/{name.lower()}".'),
            worded(lambda name: f'Cannot create already existing endpoint "{arn}/{name.lower()}".'),
        )

    def create_endpoint(self, call: Call, **request: Any) -> Record:
        """Serve CreateEndpoint: the servers start, and the endpoint is InService once they answer."""
        name, config = request["EndpointName"], self._configs.get(request["EndpointConfigName"])
        given = request.get("DeploymentConfig")  # kept for RetainDeploymentConfig; nothing is shifted yet
        check_plan(read_plan(given), [], config["ProductionVariants"], asked=bool(given))
        arn, time = call.arn("sagemaker", f"endpoint/{name.lower()}"), now()
        made = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": config["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": time,
            "LastModifiedTime": time,
            **({"LastDeploymentConfig": given} if given else {}),
        }
        self._table.add(name, made)
        live = self._live[name.lower()] = Live(name)
        self._tags.keep(arn, request.get("Tags", []))
        self._emit(made)
        self._in_thread(live, self._deploy, config, Plan())
        return {"EndpointArn": arn}

    def update_endpoint(self, call: Call, **request: Any) -> Record:
        """Serve UpdateEndpoint: the old servers answer until the new ones do, and stay if they never do."""
        config = self._configs.get(request["EndpointConfigName"])
        endpoint = self._table.get(request["EndpointName"])
        live = self._live[endpoint["EndpointName"].lower()]
        if request.get("RetainAllVariantProperties"):
            config = retain(config, live.serving, request.get("ExcludeRetainedVariantProperties", []))
        given = _deployment_config(request, endpoint)
        plan = read_plan(given)
        running = live.serving.config["ProductionVariants"] if live.serving else []
        check_plan(plan, running, config["ProductionVariants"], asked=bool(given))
        old = self._configs.find(endpoint["EndpointConfigName"]) or {"ProductionVariants": []}
        for companion in self.companions:
            companion.before_update(call, endpoint, old, config)
        self._begin(live, **({"LastDeploymentConfig": given} if given else {}))
        self._in_thread(live, self._deploy, config, plan)
        return {"EndpointArn": endpoint["EndpointArn"]}

    def _begin(self, live: Live, **changes: Any) -> None:
        begun = {"EndpointStatus": "Updating", "LastModifiedTime": now(), **changes}
        self._emit(self._table.change(live.name, _at_rest, **begun))

    def _in_thread(self, live: Live, work: Callable[..., None], *arguments: Any) -> None:
        threading.Thread(
            target=work, args=(live, *arguments), name=f"endpoint {live.name}", daemon=True
        ).start()

    def _deploy(self, live: Live, config: Record, plan: Plan) -> None:
        """Lead the endpoint to a configuration; what served before serves again where that fails."""
        fleet = self._rollouts.fleet(live.name, config)
        live.pending, known = Pending(fleet), [fleet, live.serving, live.mixed]
        changes: dict[str, Any] = {"FailureReason": None}
        try:
            self._rollouts.run(live, fleet, plan, lambda: self._emit_deployment(live))
            live.serving = fleet
            changes["EndpointConfigName"] = fleet.name
        except Exception as error:  # whatever it was, the endpoint must not stay Updating
            changes["FailureReason"] = failure_reason(error)
        answering = live.traffic.fleets
        live.mixed = next((each for each in answering if each is not live.serving), None)
        live.pending = None
        if live.stopped.is_set():
            fleet.stop()
        self._end(live, **changes)
        self._watch()
        for each in known:
            if each and each not in answering:
                each.retire()

    def _end(self, live: Live, **changes: Any) -> None:
        ended = {"EndpointStatus": live.status, "LastModifiedTime": now(), **changes}
        with self._lock:
            if self._live.get(live.name.lower()) is not live:
                return  # deleted meanwhile, and perhaps made anew
            record = self._table.update(live.name, **ended)
        self._emit(record)

    def update_endpoint_weights_and_capacities(
        self, call: Call, *, EndpointName: str, DesiredWeightsAndCapacities: Sequence[Change]  # noqa: N803
    ) -> Record:  # fmt: skip
        """Serve UpdateEndpointWeightsAndCapacities: weights count at once, instances come or go."""
        endpoint = self._table.get(EndpointName)
        live = self._live[endpoint["EndpointName"].lower()]
        check_changes(live.serving, DesiredWeightsAndCapacities)
        self._begin(live)
        if live.serving:
            apply_weights(live.serving, DesiredWeightsAndCapacities)
        self._in_thread(live, self._resize, DesiredWeightsAndCapacities)
        return {"EndpointArn": endpoint["EndpointArn"]}

    def _resize(self, live: Live, changes: Sequence[Change]) -> None:
        reason = None
        try:
            if live.serving:
                apply_counts(live.serving, changes, lambda: self._emit_deployment(live))
        except Exception as error:  # whatever it was, the endpoint must not stay Updating
            reason = failure_reason(error)
        self._end(live, FailureReason=reason)

    def describe_endpoint(self, call: Call, *, EndpointName: str) -> Record:  # noqa: N803
        """Serve DescribeEndpoint."""
        record = self._table.get(EndpointName)
        if live := self.live(record["EndpointName"]):
            record.update(live.describe())
        for companion in self.companions:
            companion.describe(record)
        return answer("DescribeEndpoint", record)

    def delete_endpoint(self, call: Call, *, EndpointName: str) -> None:  # noqa: N803
        """Serve DeleteEndpoint: its servers have ended when this returns."""
        endpoint = self._table.get(EndpointName)
        for companion in self.companions:
            companion.before_delete(call, endpoint)
        live = self._live[endpoint["EndpointName"].lower()]
        self._emit(self._table.update(live.name, EndpointStatus="Deleting"))
        with self._lock:
            self._tags.forget(self._table.remove(live.name)["EndpointArn"])
            self._live.pop(live.name.lower(), None)
        live.stop()

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

    def live(self, name: str) -> Live | None:
        """Give what runs behind an endpoint, None where there is no such endpoint."""
        return self._live.get(name.lower())

    def serving(self, name: str) -> Fleet | None:
        """Give the fleet that an endpoint is described by: during an update the old one."""
        live = self.live(name)
        return live.serving if live else None

    def statistics(self, endpoint: str) -> dict[str, Any]:
        """Give the endpoint's requests: {"requests", "errors", "p50_ms", "p95_ms", "variants", "fleets"}."""
        return self.requests.of(endpoint)

    def timeline(self, endpoint: str) -> list[dict[str, Any]]:
        """Give the endpoint's requests by second, variant and fleet, as `Statistics.timeline` does."""
        return self.requests.timeline(endpoint)

    def _watch(self) -> None:
        with self._lock:
            if self._watcher is None:
                self._watcher = threading.Thread(
                    target=self._revive_until_closed, name="endpoints", daemon=True
                )
                self._watcher.start()

    def _revive_until_closed(self) -> None:
        while not self._closed.wait(_WATCH_EVERY_SECONDS):
            for live in list(self._live.values()):
                live.revive()

    def close(self) -> None:
        """End every server."""
        self._closed.set()
        for live in list(self._live.values()):
            live.stop()

    def _emit(self, record: Record) -> None:
        config = self._configs.find(record["EndpointConfigName"]) or {}
        emit_state(self._cloud, record, config, self._tags.of(record["EndpointArn"]))

    def _emit_deployment(self, live: Live) -> None:
        if self._live.get(live.name.lower()) is live:
            record = self._table.get(live.name)
            emit_deployment(self._cloud, record, live, self._tags.of(record["EndpointArn"]))


def _at_rest(endpoint: Record) -> None:
    status, arn = endpoint["EndpointStatus"], endpoint["EndpointArn"]
    if status == "Failed":
        message = f'Cannot update failed endpoint "{arn}": it can only be deleted.'
        raise AwsError("ValidationException", message)
    if status not in ("InService", "UpdateRollbackFailed"):
        raise AwsError("ValidationException", f'Cannot update in-progress endpoint "{arn}".')


def _deployment_config(request: Record, endpoint: Record) -> Record | None:
    given: Record | None = request.get("DeploymentConfig")
    if not request.get("RetainDeploymentConfig"):
        return given
    if given:
        raise refuse("UpdateEndpoint with both DeploymentConfig and RetainDeploymentConfig")
    return endpoint.get("LastDeploymentConfig")
