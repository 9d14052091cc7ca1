"""boto3 sessions that share what they have read of the service models: making one takes milliseconds."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.loaders
import botocore.session

from local.cloud.call import Credentials

_LOADER = botocore.loaders.create_loader()


def aws_session(credentials: Credentials, region: str) -> Any:
    """Return a boto3 session; its endpoint comes from AWS_ENDPOINT_URL, as everywhere."""
    core = botocore.session.Session()
    core.register_component("data_loader", _LOADER)
    core.set_credentials(credentials.access_key, credentials.secret_key, credentials.session_token or None)
    core.set_config_variable("region", region)
    return boto3.Session(botocore_session=core)


def service_model(service: str) -> Any:
    """Return botocore's model of `service`, boto3's name of it."""
    core = botocore.session.Session()
    core.register_component("data_loader", _LOADER)
    return core.get_service_model(service)
