"""The function that asks the model in prod what it would draw, in the prod account by a role there."""

import json

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from config_endpoint import Endpoint
from stacks.accounts import ToolsAccount, WorkloadAccount
from stacks.constructs.python_function import PythonFunction
from stacks.grants import allow, read_objects, write_objects

# What SageMaker takes behind a serverless endpoint, and what the model's server takes behind any other.
_SERVERLESS_BYTES, _BYTES = 4_000_000, 6_000_000
_MOST_AT_ONCE = 8


def suggests(config: Edgeline) -> bool:
    """Whether rounds open with suggestions: wanted, and there is a prod to ask."""
    return config.labeling.suggest and {"labeling", "promotion"} <= set(config.parts)


class Suggestions(Construct):
    """`function` writes what prod's model says about a round's images beside the round's list."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        prod = WorkloadAccount(config, "prod")
        role_arn = prod.role_arn(prod.suggester_role_name)
        self.function = PythonFunction(
            self,
            "SuggestBoxes",
            handler="lambdas.labeling.suggest_boxes.handler",
            environment={
                "ARTIFACTS_BUCKET": artifacts.bucket_name,
                "SUGGESTER_ROLE_ARN": role_arn,
                "REGION": prod.region,
                # A serverless endpoint starts in less; instances that sleep do not, and are not waited for.
                "WARM_UP_SECONDS": "120",
                "ENDPOINTS": json.dumps(
                    {
                        model.name: {
                            "endpoint": prod.endpoint_name(model),
                            "component": prod.component_name(model),
                            "at_once": _at_once(model.prod),
                            "bytes": _SERVERLESS_BYTES if model.prod.kind == "serverless" else _BYTES,
                        }
                        for model in config.detectors
                    }
                ),
            },
            timeout_seconds=15 * 60,
            memory_mb=1024,
            role_name=ToolsAccount(config).suggest_boxes_role_name,
        )
        read_objects(self.function, images, key, "images/")
        read_objects(self.function, artifacts, key, "labeling/")
        write_objects(self.function, artifacts, key, "labeling/")
        allow(self.function, "sts:AssumeRole", on=[role_arn])


def _at_once(endpoint: Endpoint) -> int:
    """How many questions at a time leave prod's callers the most of it."""
    room = {
        "serverless": endpoint.max_concurrency // 2,
        "realtime": endpoint.instances,
        "components": endpoint.copies,
    }[endpoint.kind]
    return max(1, min(_MOST_AT_ONCE, room))
