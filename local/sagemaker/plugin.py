"""Everything of SageMaker that one local cloud serves, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.cloud.plugin import Plugin, SyncJob
from local.cloud.processes import Processes
from local.cloud.service import LocalService
from local.sagemaker.api import SageMakerApi
from local.sagemaker.cloudformation import resource_types
from local.sagemaker.components.inference_components import InferenceComponents
from local.sagemaker.components.operations import ComponentOperations
from local.sagemaker.features.feature_store import FeatureGroups, FeatureStoreRuntime
from local.sagemaker.group_policies import GroupPolicies
from local.sagemaker.hosting.endpoints import Endpoints
from local.sagemaker.hosting.models import EndpointConfigs, Models
from local.sagemaker.hosting.scalable_variants import ScalableVariants
from local.sagemaker.jobs.api import JobsApi
from local.sagemaker.labeling.labeling_jobs import LabelingJobs
from local.sagemaker.pipelines.api import Pipelines
from local.sagemaker.registry import Registry
from local.sagemaker.runtime import Runtime
from local.sagemaker.tags import Tags
from local.sagemaker.tuning.api import TuningJobs

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_JOBS = ("ProcessingJob", "TrainingJob", "HyperParameterTuningJob", "LabelingJob")


@dataclass(frozen=True, kw_only=True)
class SageMakerPlugin(Plugin):
    """What the local cloud serves, and the parts that the demo looks into."""

    registry: Registry
    jobs: JobsApi
    tuning: TuningJobs
    pipelines: Pipelines
    endpoints: Endpoints
    components: ComponentOperations
    feature_groups: FeatureGroups
    labeling_jobs: LabelingJobs


def make_plugin(cloud: LocalCloud) -> SageMakerPlugin:
    """Put the parts together for one cloud."""
    processes, tags = Processes(), Tags()
    registry = Registry(cloud, tags, lambda account: cloud.accounts[account].plugin(SageMakerPlugin).registry)
    policies = GroupPolicies(registry)
    jobs = JobsApi(cloud, processes, tags)
    tuning = TuningJobs(cloud, jobs.training, tags)
    pipelines = Pipelines(cloud, jobs, tuning, tags)
    models = Models(cloud, registry, tags)
    configs = EndpointConfigs(cloud, models, tags)
    endpoints = Endpoints(cloud, processes, models, configs, tags)
    operations = ComponentOperations(cloud, processes, models, endpoints, tags)
    components = InferenceComponents(cloud, operations, configs)
    endpoints.companions += [components, ScalableVariants(cloud)]
    groups = FeatureGroups(cloud, tags)
    labeling = LabelingJobs(cloud, tags)
    hosting = (models, configs, endpoints, operations)
    api = SageMakerApi(registry, policies, jobs, tuning, pipelines, *hosting, groups, labeling, tags)

    def close() -> None:
        pipelines.close()
        tuning.close()
        operations.close()
        endpoints.close()
        processes.close()
        jobs.processing.join()
        jobs.training.join()
        groups.close()
        labeling.close()

    return SageMakerPlugin(
        services={
            "sagemaker": [
                LocalService("sagemaker", api),
                LocalService("sagemaker-runtime", Runtime(endpoints, components)),
                LocalService("sagemaker-featurestore-runtime", FeatureStoreRuntime(groups)),
            ]
        },
        resource_types=resource_types(cloud),
        sync_jobs=[_sync_job(word) for word in _JOBS],
        resource_policies={"sagemaker": policies.of},
        close=close,
        registry=registry,
        jobs=jobs,
        tuning=tuning,
        pipelines=pipelines,
        endpoints=endpoints,
        components=operations,
        feature_groups=groups,
        labeling_jobs=labeling,
    )


def _sync_job(word: str) -> SyncJob:
    return SyncJob(
        service="sagemaker",
        action=f"create{word}",
        name=f"{word}Name",
        describe=f"describe{word}",
        status=f"{word}Status",
        done=frozenset({"Completed"}),
        failed=frozenset({"Failed", "Stopped"}),
        stop=f"stop{word}",
    )
