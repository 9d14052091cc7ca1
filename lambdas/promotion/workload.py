"""The environments that a promotion acts in, each in an account of its own or in that of the tools."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3

# The shortest that STS gives; every function ends long before.
_SECONDS = 900
_LONGEST_SESSION_NAME = 64


@dataclass(frozen=True)
class Workload:
    """An environment: the role to act with in its account, that of its containers, region and tags.

    `alarm_topic` is whom its alarms tell, an SNS topic of that account.
    """

    promoter_role_arn: str
    model_role_arn: str
    region: str
    tags: Mapping[str, str] = field(default_factory=dict)
    alarm_topic: str | None = None

    def enter(self, execution: str) -> Any:
        """Become the environment's promoter; a boto3 session, for this invocation only.

        The account's own trail of calls names the promotion's execution.
        """
        credentials = boto3.client("sts").assume_role(
            RoleArn=self.promoter_role_arn,
            RoleSessionName=execution[:_LONGEST_SESSION_NAME],
            DurationSeconds=_SECONDS,
        )["Credentials"]
        return boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=self.region,
        )


def workload(workloads: str, environment: str) -> Workload:
    """Read an environment, `staging` or `prod`, from the JSON of WORKLOADS."""
    return Workload(**json.loads(workloads)[environment])
