"""Remove what rollouts made at run time, and free the IoT policies of the certificates that hold them."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.teardown.deadline import Deadline
from lambdas.teardown.gone import is_gone, unless_gone


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


def detach(iot: Any, policies: Sequence[str], deadline: Deadline) -> None:
    """Take these policies from every certificate: IoT deletes no policy that one still has."""
    for policy in policies:
        pages = iot.get_paginator("list_targets_for_policy").paginate(policyName=policy)
        try:
            targets = [target for page in pages for target in page["targets"]]
        except ClientError as error:
            if is_gone(error):
                continue
            raise
        for target in targets:
            deadline.check(f"detaching the IoT policy {policy}")
            unless_gone(iot.detach_policy, policyName=policy, target=target)
