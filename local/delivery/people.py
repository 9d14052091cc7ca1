"""Who delivers: one pushes, one approves, one looks on; IAM users with what that takes, and no more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from local.cloud.call import Credentials
from local.cloud.iam import user_keys
from local.delivery.serving import Serving
from local.source.folder import read, write

_FILE = "people.json"
# What is looked at to show what a push does; the stacks offer no policy for it.
_LOOKS = (
    "cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks", "codebuild:BatchGetBuilds",
    "codepipeline:Get*", "codepipeline:List*", "lambda:GetFunctionConfiguration", "logs:FilterLogEvents",
    "logs:GetLogEvents", "cloudformation:DescribeStackResources", "s3:GetObject", "s3:GetObjectVersion",
)  # fmt: skip


@dataclass(frozen=True)
class People:
    """The keys of those who deliver; nobody approves where the delivery stack has no approval."""

    pusher: Credentials
    onlooker: Credentials
    approver: Credentials | None


def hire(serving: Serving, outputs: Mapping[str, str]) -> People:
    """Make the users anew, with the managed policies that the Delivery stack offers; remember their keys."""
    iam = serving.session(serving.root).client("iam")
    approves = outputs.get("ApproverPolicyArn")
    people = People(
        pusher=user_keys(iam, "pusher", _known(outputs.get("PusherPolicyArn"))),
        onlooker=user_keys(iam, "onlooker", [_looking(serving, iam)]),
        approver=user_keys(iam, "approver", [approves]) if approves else None,
    )
    write(serving.state_dir / _FILE, {"of": serving.since, "keys": asdict(people)})
    return people


def hired(serving: Serving) -> People | None:
    """Return the users that were made in this very cloud; None where nothing was delivered to it yet."""
    found = read(serving.state_dir / _FILE)
    if found.get("of") != serving.since:  # left by a cloud that is gone, with its users
        return None
    keys = {name: Credentials(**known) if known else None for name, known in found["keys"].items()}
    return People(**keys)  # type: ignore[arg-type]  # only the approver may be None


def _looking(serving: Serving, iam: Any) -> str:
    arn = f"arn:aws:iam::{serving.account}:policy/local-onlooker"
    allowed = {"Effect": "Allow", "Action": list(_LOOKS), "Resource": "*"}
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_policy(
            PolicyName="local-onlooker",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
        )
    return arn


def _known(arn: str | None) -> Sequence[str]:
    return [arn] if arn else []
