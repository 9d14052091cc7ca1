"""The operations on inference components: models on an endpoint's instances, in copies of a given number."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.processes import Processes
from local.sagemaker.components.care import ComponentCare
from local.sagemaker.components.copies import Copies, Release
from local.sagemaker.components.placement import place
from local.sagemaker.components.specification import check_specification, summary, update_policy
from local.sagemaker.components.update import RollingUpdate
from local.sagemaker.hosting.endpoints import Endpoints
from local.sagemaker.hosting.failure import failure_reason
from local.sagemaker.hosting.models import Models
from local.sagemaker.hosting.rolling import RollbackFailedError
from local.sagemaker.hosting.watch import Alarms
from local.sagemaker.model import CREDENTIALS_SECONDS, SERVICE, answer
from local.sagemaker.refuse import refuse
from local.sagemaker.table import Record, Table, listing, now, worded
from local.sagemaker.tags import Tags

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


class ComponentOperations:
    """The inference components of the account, by name. AWS sends no events of theirs, nor does this."""

    def __init__(
        self, cloud: LocalCloud, processes: Processes, models: Models, endpoints: Endpoints, tags: Tags
    ) -> None:
        self._cloud, self._processes, self._tags = cloud, processes, tags
        self._models, self._endpoints = models, endpoints
        self._copies: dict[str, Copies] = {}
        self._releases: dict[str, Release] = {}
        self._care = ComponentCare(cloud, self._copies)
        arn = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:inference-component"
        self._table = Table(
            worded(lambda name: f'Could not find inference component "{arn}/{name}".'),
            worded(lambda name: f'Cannot create already existing inference component "{arn}/{name}".'),
            cased=True,
        )

    def create_inference_component(self, call: Call, **request: Any) -> Record:
        """Serve CreateInferenceComponent: its copies start, and it is InService once they answer."""
        name = request["InferenceComponentName"]
        release = self._release("CreateInferenceComponent", request)
        placed = place(self._endpoints, call, request)
        if "RuntimeConfig" not in request:
            raise AwsError("ValidationException", "CreateInferenceComponent: RuntimeConfig is missing.")
        arn, time = call.arn("sagemaker", f"inference-component/{name}"), now()
        made = {
            "InferenceComponentName": name,
            "InferenceComponentArn": arn,
            **placed,
            "Specification": summary(release.specification, release.model),
            "DesiredCopyCount": request["RuntimeConfig"]["CopyCount"],
            "InferenceComponentStatus": "Creating",
            "CreationTime": time,
            "LastModifiedTime": time,
        }
        self._table.add(name, made)
        self._tags.keep(arn, request.get("Tags", []))
        copies = self._copies[name] = Copies(self._cloud, self._processes, name)
        self._releases[name] = release
        self._work(name, lambda: self._scale(name, copies, made["DesiredCopyCount"]), otherwise="Failed")
        return {"InferenceComponentArn": arn}

    def _release(self, operation: str, request: Mapping[str, Any]) -> Release:
        specification = check_specification(operation, request)
        return Release(specification, self._models.get(specification["ModelName"]))

    def update_inference_component(self, call: Call, **request: Any) -> Record:
        """Serve UpdateInferenceComponent: the copies are exchanged as DeploymentConfig says."""
        name = request["InferenceComponentName"]
        record = self._table.get(name)
        copies, old = self._copies[name], self._releases[name]
        asked = request if "Specification" in request else {"Specification": old.specification, **request}
        new = self._release("UpdateInferenceComponent", asked)
        wanted = request.get("RuntimeConfig", {}).get("CopyCount", record["DesiredCopyCount"])
        policy = update_policy(request.get("DeploymentConfig"), max(copies.count, wanted))
        self._begin(name, DesiredCopyCount=wanted, LastDeploymentConfig=request.get("DeploymentConfig"))

        def exchange() -> None:
            alarms = self._alarms(record["EndpointName"], policy.alarms)
            RollingUpdate(copies, old, new, wanted, policy, alarms).run()
            self._releases[name] = new
            self._table.update(name, Specification=summary(new.specification, new.model))

        self._work(name, exchange, back_to=record["DesiredCopyCount"])
        return {"InferenceComponentArn": record["InferenceComponentArn"]}

    def _alarms(self, endpoint: str, names: Sequence[str]) -> Callable[[], None]:
        """Give what reads the alarms, with the role of the endpoint configuration, as SageMaker does."""
        serving = self._endpoints.serving(endpoint)
        if not names or serving is None:
            return lambda: None
        role = serving.config["ExecutionRoleArn"]
        keys = self._cloud.service_credentials(role, SERVICE, endpoint, lifetime_seconds=CREDENTIALS_SECONDS)
        return Alarms(self._cloud.session(keys).client("cloudwatch"), names).check

    def update_inference_component_runtime_config(self, call: Call, **request: Any) -> Record:
        """Serve UpdateInferenceComponentRuntimeConfig: copies come, or go once they have answered."""
        name, wanted = request["InferenceComponentName"], request["DesiredRuntimeConfig"]["CopyCount"]
        record = self._table.get(name)
        self._begin(name, DesiredCopyCount=wanted)
        copies = self._copies[name]
        self._work(name, lambda: self._scale(name, copies, wanted), back_to=record["DesiredCopyCount"])
        return {"InferenceComponentArn": record["InferenceComponentArn"]}

    def _scale(self, name: str, copies: Copies, wanted: int) -> None:
        copies.add(self._releases[name], max(0, wanted - copies.count))
        copies.remove(copies.all[wanted:])

    def _begin(self, name: str, **changes: Any) -> None:
        status = {"InferenceComponentStatus": "Updating", "LastModifiedTime": now()}
        self._table.change(name, _at_rest, **status, **changes)

    def _work(
        self, name: str, work: Callable[[], None], *, otherwise: str = "InService", back_to: int | None = None
    ) -> None:
        """Do the work on a thread; `otherwise` is the status where it failed, or was undone."""

        def run() -> None:
            changes: dict[str, Any] = {"InferenceComponentStatus": "InService", "FailureReason": None}
            try:
                work()
            except Exception as error:  # whatever it was, the component must not stay Updating
                failed = isinstance(error, RollbackFailedError)
                changes["InferenceComponentStatus"] = "Failed" if failed else otherwise
                changes["FailureReason"] = failure_reason(error)
                if back_to is not None and not failed:
                    changes["DesiredCopyCount"] = back_to
            self._table.update(name, LastModifiedTime=now(), **changes)

        self._care.begin()
        threading.Thread(target=run, name=f"inference component {name}", daemon=True).start()

    def describe_inference_component(self, call: Call, *, InferenceComponentName: str) -> Record:  # noqa: N803
        """Serve DescribeInferenceComponent."""
        record = self._table.get(InferenceComponentName)
        counts = {
            "DesiredCopyCount": record["DesiredCopyCount"],
            "CurrentCopyCount": self._count(record["InferenceComponentName"]),
        }
        return answer("DescribeInferenceComponent", {**record, "RuntimeConfig": counts})

    def delete_inference_component(self, call: Call, *, InferenceComponentName: str) -> None:  # noqa: N803
        """Serve DeleteInferenceComponent: Deleting until its copies have answered and ended."""
        name = InferenceComponentName
        record = self._table.change(name, _at_rest, InferenceComponentStatus="Deleting")
        copies = self._copies[name]

        def leave() -> None:
            copies.remove(copies.all)
            copies.stop()
            self._tags.forget(record["InferenceComponentArn"])
            self._table.remove(name)
            if self._copies.get(name) is copies:  # none was made anew meanwhile
                del self._copies[name], self._releases[name]

        threading.Thread(target=leave, name=f"inference component {name}", daemon=True).start()

    def list_inference_components(self, call: Call, **params: Any) -> Record:
        """Serve ListInferenceComponents."""
        for field in ("LastModifiedTimeBefore", "LastModifiedTimeAfter"):
            if field in params:
                raise refuse(f"ListInferenceComponents with {field}")
        return listing(
            [record for record in self._table.records() if _listed(record, params)],
            params,
            name="InferenceComponentName",
            status="InferenceComponentStatus",
            member="InferenceComponents",
            fields=(
                "CreationTime", "InferenceComponentArn", "InferenceComponentName", "EndpointArn",
                "EndpointName", "VariantName", "InferenceComponentStatus", "LastModifiedTime",
            ),
        )  # fmt: skip

    def of(self, endpoint: str) -> list[Record]:
        """Give the components of an endpoint."""
        records = self._table.records()
        return [record for record in records if record["EndpointName"].lower() == endpoint.lower()]

    def count_on(self, endpoint: str, variant: str) -> int:
        """Count the copies on a variant of an endpoint."""
        on = [record for record in self.of(endpoint) if record["VariantName"] == variant]
        return sum(self._count(record["InferenceComponentName"]) for record in on)

    def _count(self, name: str) -> int:
        copies = self._copies.get(name)  # None: it went while it was being described
        return copies.count if copies else 0

    def copies(self, name: str) -> Copies:
        """Give the running copies of a component."""
        return self._copies[self._table.get(name)["InferenceComponentName"]]

    def close(self) -> None:
        """End every copy."""
        self._care.close()
        for copies in list(self._copies.values()):
            copies.stop()


def _at_rest(component: Record) -> None:
    if component["InferenceComponentStatus"] not in ("InService", "Failed"):
        message = f'Cannot update in-progress inference component "{component["InferenceComponentArn"]}".'
        raise AwsError("ValidationException", message)


def _listed(record: Record, params: Mapping[str, Any]) -> bool:
    return params.get("EndpointNameEquals", record["EndpointName"]).lower() == record[
        "EndpointName"
    ].lower() and params.get("VariantNameEquals") in (None, record["VariantName"])
