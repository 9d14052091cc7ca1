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


def session_variables(credentials: Credentials, region: str, url: str) -> dict[str, str]:
    """Return the variables that make a process this principal, and `url` the endpoint of all services."""
    variables = {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": region,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
    }
    if credentials.session_token:
        variables["AWS_SESSION_TOKEN"] = credentials.session_token
    return variables


def service_model(service: str) -> Any:
    """Return botocore's model of `service`, boto3's name of it."""
    core = botocore.session.Session()
    core.register_component("data_loader", _LOADER)
    return core.get_service_model(service)
