"""Remove what rollouts made at run time, and the IoT policies that certificates still hold."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.teardown.deadline import Deadline
from lambdas.teardown.gone import is_gone, unless_gone

_LOOK_EVERY_SECONDS = 15


def cancel_deployments(greengrass: Any, target_arns: Sequence[str], deadline: Deadline) -> None:
    """Cancel what is still being brought to these thing groups."""
    for target in target_arns:
        pages = greengrass.get_paginator("list_deployments").paginate(targetArn=target)
        for deployment in [item for page in pages for item in page["deployments"]]:
            deadline.check(f"cancelling the deployments to {target}")
            if deployment["deploymentStatus"] == "ACTIVE":
                unless_gone(greengrass.cancel_deployment, deploymentId=deployment["deploymentId"])


def remove_components(greengrass: Any, prefix: str, deadline: Deadline) -> None:
    """Delete every version of the account's own components whose names begin with the prefix."""
    pages = greengrass.get_paginator("list_components").paginate(scope="PRIVATE")
    components = [item for page in pages for item in page["components"]]
    for component in components:
        if not component["componentName"].startswith(prefix):
            continue
        versions = greengrass.get_paginator("list_component_versions").paginate(arn=component["arn"])
        for version in [item for page in versions for item in page["componentVersions"]]:
            deadline.check(f"deleting the versions of {component['componentName']}")
            unless_gone(greengrass.delete_component, arn=version["arn"])


def remove_policies(iot: Any, policies: Sequence[str], deadline: Deadline) -> None:
    """Take these policies from every certificate, and delete those that one had.

    AWS IoT takes some minutes to notice that nobody has a policy any more, and deletes none before:
    CloudFormation would not wait for it.
    """
    for policy in policies:
        targets = _targets(iot, policy)
        for target in targets:
            deadline.check(f"detaching the IoT policy {policy}")
            unless_gone(iot.detach_policy, policyName=policy, target=target)
        while targets and not _deleted(iot, policy):
            deadline.wait(_LOOK_EVERY_SECONDS, f"deleting the IoT policy {policy}")


def _targets(iot: Any, policy: str) -> list[str]:
    pages = iot.get_paginator("list_targets_for_policy").paginate(policyName=policy)
    try:
        return [target for page in pages for target in page["targets"]]
    except ClientError as error:
        if is_gone(error):
            return []
        raise


def _deleted(iot: Any, policy: str) -> bool:
    """Delete a policy and its versions; False while AWS IoT still counts it as held."""
    versions = unless_gone(iot.list_policy_versions, policyName=policy) or {"policyVersions": []}
    for version in versions["policyVersions"]:
        if not version["isDefaultVersion"]:
            arguments = {"policyName": policy, "policyVersionId": version["versionId"]}
            unless_gone(iot.delete_policy_version, **arguments)
    try:
        unless_gone(iot.delete_policy, policyName=policy)
    except ClientError as error:
        if error.response["Error"]["Code"] != "DeleteConflictException":
            raise
        return False
    return True
