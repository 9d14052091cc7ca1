"""The SageMaker model and the endpoint config of a release, and what is known of the release by them."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from lambdas.promotion.endpoints import NO_TAGS, VARIANT, exists_already, tag_list

# A model carries what its alarms compare with, so that going back to it finds the old thresholds.
_REGISTERED = {"empty_share": "registered-empty-share", "mean_score": "registered-mean-score"}


class ModelConflict(Exception):  # noqa: N818 - the name that the state machine reports
    """A SageMaker model of this name exists and is not made from this package."""


def ensure_model(
    sagemaker: Any,
    *,
    name: str,
    package_arn: str,
    role_arn: str,
    tags: Mapping[str, str] = NO_TAGS,
    registered: Mapping[str, float | None] | None = None,
) -> None:
    """Create the model from exactly this package, unless it is there; ModelConflict if it is another's."""
    known = {_REGISTERED[key]: f"{value}" for key, value in answers(registered).items()}
    try:
        sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={"ModelPackageName": package_arn},
            ExecutionRoleArn=role_arn,
            Tags=tag_list({**tags, "model-package": package_arn, **known}),
        )
    except ClientError as error:
        if not exists_already(error):
            raise
        found = sagemaker.describe_model(ModelName=name)["PrimaryContainer"].get("ModelPackageName")
        if found != package_arn:
            raise ModelConflict(f"model {name} is made from {found}, not from {package_arn}") from error


def ensure_config(
    sagemaker: Any,
    *,
    name: str,
    variant: Mapping[str, Any],
    model: str | None = None,
    role_arn: str | None = None,
    tags: Mapping[str, str] = NO_TAGS,
) -> None:
    """Create the endpoint config, unless it is there; its name stands for its content.

    Without a model it is one for inference components, and runs as `role_arn`.
    """
    served = {"ModelName": model} if model else {}
    role = {} if model else {"ExecutionRoleArn": role_arn}
    try:
        sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[{"VariantName": VARIANT, **served, **variant}],
            Tags=tag_list(tags),
            **role,
        )
    except ClientError as error:
        if not exists_already(error):
            raise


def answers(registered: Mapping[str, float | None] | None) -> dict[str, float]:
    """Keep of what was registered the share of empty answers and the mean score, where they are known."""
    found = {key: (registered or {}).get(key) for key in _REGISTERED}
    return {key: value for key, value in found.items() if value is not None}


def package_of(sagemaker: Any, model: str | None) -> str | None:
    """Name the model package that a model is made from."""
    if model is None:
        return None
    found: str | None = sagemaker.describe_model(ModelName=model)["PrimaryContainer"].get("ModelPackageName")
    return found


def registered_of(sagemaker: Any, model: str | None) -> dict[str, float]:
    """Read what a model was registered with; nothing of one that was made without."""
    if model is None:
        return {}
    arn = sagemaker.describe_model(ModelName=model)["ModelArn"]
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    return {key: float(tags[tag]) for key, tag in _REGISTERED.items() if tag in tags}
