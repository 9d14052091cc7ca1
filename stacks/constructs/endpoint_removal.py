"""What promotions made in an environment goes with its stack: endpoints, and what guards and scales them."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from config_model import Model
from stacks.accounts import WorkloadAccount
from stacks.constructs.endpoint_guards import (
    NAMED_ALARMS,
    SCALED_DIMENSIONS,
    grant_deregistering,
    scaled_resource,
)
from stacks.constructs.teardown import Teardown
from stacks.grants import allow, allow_everywhere

_RUN_TIME = "it was named at run time"


def remove_endpoints(scope: Construct, here: WorkloadAccount) -> Teardown:
    """Remove an environment's endpoints, their configs, models, components, alarms and scalable targets."""
    models = here.config.models
    scaled = [model for model in models if here.endpoint(model).kind in SCALED_DIMENSIONS]
    asleep = [here.sleep_alarm_name(model) for model in models if here.endpoint(model).kind == "components"]
    guarding = [name for model in models for name in here.alarm_names(model)]
    alarms = [*(guarding if here.environment == "prod" else []), *asleep]
    wanted = {
        "Endpoints": here.endpoint_names(),
        "Prefixes": [here.kept_name(model) for model in models],
        "Components": [arn.rpartition("/")[2] for arn in here.components()],
        "Alarms": alarms,
        "Scaled": [_target(here, model) for model in scaled],
    }
    removed = Teardown(scope, "RemovedEndpoints", kind="Endpoints", properties=wanted)
    # The role's own policy: of many models, CDK makes several of it, and no one becomes too long for IAM.
    _grant(removed.role, here)
    _grant_guards(removed.role, here, alarms=alarms, scaled=scaled)
    removed.resource.node.add_dependency(removed.role)
    return removed


def _target(here: WorkloadAccount, model: Model) -> dict[str, str]:
    dimension = SCALED_DIMENSIONS[here.endpoint(model).kind]
    return {"ResourceId": scaled_resource(here, model), "Dimension": dimension}


def _grant(role: iam.IRole, here: WorkloadAccount) -> None:
    allow(role, "sagemaker:DescribeEndpoint", "sagemaker:DeleteEndpoint", on=here.endpoints())
    allow(role, "sagemaker:DeleteEndpointConfig", on=here.endpoint_configs(), because=_RUN_TIME)
    allow(role, "sagemaker:DeleteModel", on=here.models(), because=_RUN_TIME)
    allow_everywhere(role, "sagemaker:ListEndpointConfigs", "sagemaker:ListModels")


def _grant_guards(
    role: iam.IRole, here: WorkloadAccount, *, alarms: Sequence[str], scaled: Sequence[Model]
) -> None:
    if here.components():
        ending = ("sagemaker:DescribeInferenceComponent", "sagemaker:DeleteInferenceComponent")
        allow(role, *ending, on=here.components())
    if alarms:
        guarded = here.alarms_of(here.config.models)
        allow(role, "cloudwatch:DeleteAlarms", on=guarded, because=NAMED_ALARMS)
    if scaled:
        grant_deregistering(role, here, scaled)
