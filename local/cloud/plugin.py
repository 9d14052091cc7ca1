"""What a part of the local AWS brings along.

`LocalCloud(..., plugins=[factory])` calls `factory(cloud) -> Plugin` for each of its accounts before it
starts to serve; `cloud` is the cloud as that account sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from local.cloud.call import Call
from local.cloud.service import LocalService

Properties = dict[str, Any]
Attributes = dict[str, Any]


@dataclass(frozen=True)
class ResourceContext:
    """Where a CloudFormation resource is being made; `call` is the deployment's principal."""

    call: Call
    stack_name: str
    logical_id: str

    def physical_name(self, limit: int = 63) -> str:
        """Return the name that CloudFormation would generate, without its random part."""
        return f"{self.stack_name}-{self.logical_id}"[:limit]


class ResourceType(Protocol):
    """One CloudFormation resource type.

    Each method runs on a worker thread, may block until the resource is stable, and may call the cloud. The
    physical id is what `Ref` gives, the attributes are what `Fn::GetAtt` gives. An `update` that answers with
    another physical id replaced the resource: the old one is then deleted. Any exception fails the resource
    with its message.
    """

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Make the resource."""

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Bring the resource from `old` to `new`."""

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Remove the resource; one that is gone already is no error."""


@dataclass(frozen=True)
class SyncJob:
    """How `arn:aws:states:::<service>:<action>.sync` waits for the job that the action started.

    The state's output is the answer of `describe`; one of the `failed` states fails the state with that
    answer as its cause, and stopping the execution calls `stop`.
    """

    service: str  # boto3's name, "sagemaker"
    action: str  # "createProcessingJob"
    name: str  # the member that names the job, "ProcessingJobName"
    describe: str  # "describeProcessingJob"
    status: str  # "ProcessingJobStatus"
    done: frozenset[str]
    failed: frozenset[str]
    stop: str  # "stopProcessingJob"


@dataclass(frozen=True)
class Plugin:
    """Services by SigV4 signing scope, CloudFormation types by name, jobs that Step Functions can wait for.

    Each account has plugins of its own. `resource_policies`, by IAM prefix, return the policy of a resource
    by its ARN, None where it has none: what another account's principals may do with it.

    Scope "sagemaker" carries sagemaker, sagemaker-runtime and sagemaker-featurestore-runtime; scope
    "greengrass" carries greengrassv2. `close` is called once, before the cloud itself stops: it ends every
    child process.
    """

    services: Mapping[str, Sequence[LocalService]] = field(default_factory=dict)
    resource_types: Mapping[str, ResourceType] = field(default_factory=dict)
    sync_jobs: Sequence[SyncJob] = ()
    resource_policies: Mapping[str, Callable[[str], str | None]] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None


def services_of(
    plugins: Sequence[Plugin], more: Mapping[str, Sequence[LocalService]]
) -> dict[str, list[LocalService]]:
    """Return the services of plugins, and more, by signing scope."""
    services = {scope: list(served) for scope, served in more.items()}
    for plugin in plugins:
        for scope, served in plugin.services.items():
            services.setdefault(scope, []).extend(served)
    return services


def policy_of(plugins: Sequence[Plugin], service: str, arn: str) -> str | None:
    """Return the policy of a resource that one of the plugins keeps; `service` is the IAM prefix."""
    kept = [plugin.resource_policies[service] for plugin in plugins if service in plugin.resource_policies]
    return next((policy for policy in (lookup(arn) for lookup in kept) if policy), None)
