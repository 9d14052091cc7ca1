"""Inference components: models on an endpoint's instances, each in as many copies as it is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.cloud.errors import AwsError
from local.sagemaker.deployment import Variant

_NAME_MISSING = (
    "Inference Component Name header is required for endpoints to which you plan to deploy inference "
    "components. Please include Inference Component Name header or consider using SageMaker models."
)
_NAME_GIVEN = (
    "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference "
    "components. Please remove the Inference Component Name header and try again."
)


class InferenceComponents:
    """The inference components of the account, by name."""

    def asked_for(self, config: Mapping[str, Any], request: Mapping[str, Any]) -> Variant | None:
        """Give what answers a request to an endpoint of this configuration, None where a variant does."""
        name = request.get("InferenceComponentName")
        hosts = any("ModelName" not in variant for variant in config["ProductionVariants"])
        if name and not hosts:
            raise AwsError("ValidationError", _NAME_GIVEN)
        if hosts and not name:
            raise AwsError("ValidationError", _NAME_MISSING)
        return None
