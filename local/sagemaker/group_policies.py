"""The resource policies of model package groups: what other accounts may do with the packages in them."""

from __future__ import annotations

import json

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.sagemaker.registry import Registry, last_part
from local.sagemaker.table import Record


class GroupPolicies:
    """PutModelPackageGroupPolicy, GetModelPackageGroupPolicy, DeleteModelPackageGroupPolicy."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def put_model_package_group_policy(
        self, call: Call, *, ModelPackageGroupName: str, ResourcePolicy: str  # noqa: N803
    ) -> Record:  # fmt: skip
        """Serve PutModelPackageGroupPolicy."""
        arn = self._group(call, ModelPackageGroupName)
        try:
            statements = json.loads(ResourcePolicy)["Statement"]
        except (ValueError, TypeError, KeyError):
            statements = None
        if not statements:
            raise AwsError("ValidationException", f"The resource policy of {arn} is not a policy document.")
        self._registry.keep_group_policy(last_part(arn), ResourcePolicy)
        return {"ModelPackageGroupArn": arn}

    def get_model_package_group_policy(self, call: Call, *, ModelPackageGroupName: str) -> Record:  # noqa: N803
        """Serve GetModelPackageGroupPolicy."""
        arn = self._group(call, ModelPackageGroupName)
        policy = self.of(arn)
        if policy is None:
            raise AwsError("ValidationException", f"Cannot find a resource policy for {arn}.")
        return {"ResourcePolicy": policy}

    def delete_model_package_group_policy(self, call: Call, *, ModelPackageGroupName: str) -> None:  # noqa: N803
        """Serve DeleteModelPackageGroupPolicy."""
        arn = self._group(call, ModelPackageGroupName)
        self._registry.keep_group_policy(last_part(arn), None)

    def of(self, arn: str) -> str | None:
        """Return the policy for a group or a package of it, None for any other resource."""
        kind, _, name = arn.rpartition(":")[2].partition("/")
        if kind not in ("model-package-group", "model-package"):
            return None
        return self._registry.group_policy(name.partition("/")[0])

    def _group(self, call: Call, name: str) -> str:
        group = self._registry.describe_model_package_group(call, ModelPackageGroupName=name)
        return str(group["ModelPackageGroupArn"])
