"""Note what an endpoint serves before it is changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.promotion.endpoints import serving_config
from lambdas.promotion.settings import model_settings


@dataclass(frozen=True)
class Environment:
    """The configured models."""

    models: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Read the endpoint's present config.

    In: {"model", "environment"}.
    Out: {"endpoint", "config": name | null}. Raises EndpointBusy in the middle of a change.
    """
    settings = model_settings(environment.read(Environment).models, event["model"])
    endpoint = settings.endpoints[event["environment"]].name
    return {"endpoint": endpoint, "config": serving_config(boto3.client("sagemaker"), endpoint)}
