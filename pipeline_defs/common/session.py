"""A pipeline session that describes and never acts: it has no way to AWS, and its answers never change."""

import os
from typing import Any

import boto3
import botocore.session

# The SDK's own settings, given here so that it does not look for files; telemetry would leave the account.
_SDK_CONFIG = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


class CallAttemptedError(RuntimeError):
    """The SDK tried to call AWS while a pipeline was only being described."""


def prepare_sdk_import(region: str) -> None:
    """Set what the SDK needs while it is imported: it wants a region, and asks the metadata service."""
    os.environ.setdefault("AWS_DEFAULT_REGION", region)
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    os.environ.setdefault("SAGEMAKER_VALIDATE_ROLE", "false")


def describing_session(region: str, bucket: str) -> Any:
    """Return a `PipelineSession` in which every call to AWS raises `CallAttemptedError`."""
    prepare_sdk_import(region)
    from sagemaker.core.workflow.pipeline_context import PipelineSession

    core = botocore.session.Session()
    core.get_component("event_emitter").register_first("before-call", _refuse)
    core.set_credentials("none", "none")
    boto_session = boto3.Session(region_name=region, botocore_session=core)
    session = PipelineSession(boto_session=boto_session, default_bucket=bucket, sagemaker_config=_SDK_CONFIG)
    # Otherwise the first use of the default bucket asks S3 whether it is there.
    session._default_bucket = bucket
    return session


def _refuse(model: Any, **_: Any) -> None:
    operation = f"{model.service_model.service_name}:{model.name}"
    raise CallAttemptedError(f"{operation}: a pipeline is described without calling AWS")
