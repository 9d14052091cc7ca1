"""Remove what came to be outside of a stack's template when the stack is deleted: a custom resource.

What it removes is what the custom resource's properties name; what it may remove is what the function's role
allows. docs/adr/0016 says why.
"""

from collections.abc import Callable, Mapping
from typing import Any

import boto3

from lambdas.common.custom_resource import answer
from lambdas.teardown import buckets, endpoints, fleet, pipelines, registry
from lambdas.teardown.deadline import Deadline
from lambdas.teardown.going import stack_is_going

Properties = Mapping[str, Any]


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answer CloudFormation, whatever happens; safe to repeat.

    In: CloudFormation's request; ResourceProperties {"Kind": a key of KINDS, ... what the kind needs}.
    Out: nothing; the answer goes to the request's ResponseURL.
    """
    answer(event, lambda: _act(event, Deadline(context)))


def _act(event: Mapping[str, Any], deadline: Deadline) -> None:
    properties = event["ResourceProperties"]
    if event["RequestType"] != "Delete":
        if days := properties.get("JobLogDays"):
            pipelines.keep_job_logs_for(boto3.client("logs"), int(days))
    elif stack_is_going(boto3.client("cloudformation"), event["StackId"]):
        KINDS[properties["Kind"]](properties, deadline)


def _objects(properties: Properties, deadline: Deadline) -> None:
    buckets.empty(boto3.client("s3"), properties["Bucket"], deadline)


def _endpoints(properties: Properties, deadline: Deadline) -> None:
    sagemaker, cloudwatch = boto3.client("sagemaker"), boto3.client("cloudwatch")
    scaling = boto3.client("application-autoscaling")
    endpoints.let_go(scaling, cloudwatch, properties.get("Scaled", []), properties.get("Alarms", []))
    endpoints.remove_components(sagemaker, properties.get("Components", []), deadline)
    endpoints.remove(sagemaker, properties["Endpoints"], properties["Prefixes"], deadline)


def _pipelines(properties: Properties, deadline: Deadline) -> None:
    sagemaker, logs = boto3.client("sagemaker"), boto3.client("logs")
    pipelines.remove(sagemaker, logs, properties["Pipelines"], deadline)


def _registry(properties: Properties, deadline: Deadline) -> None:
    sagemaker = boto3.client("sagemaker")
    registry.remove_packages(sagemaker, properties["Groups"], deadline)
    registry.remove_table(sagemaker, boto3.client("glue"), properties["FeatureGroup"])


def _fleet(properties: Properties, deadline: Deadline) -> None:
    greengrass = boto3.client("greengrassv2")
    fleet.cancel_deployments(greengrass, properties["ThingGroups"], deadline)
    fleet.remove_components(greengrass, properties["ComponentPrefix"], deadline)
    fleet.remove_policies(boto3.client("iot"), properties["Policies"], deadline)


KINDS: Mapping[str, Callable[[Properties, Deadline], None]] = {
    "Endpoints": _endpoints,
    "Fleet": _fleet,
    "Objects": _objects,
    "Pipelines": _pipelines,
    "Registry": _registry,
}
