"""Who does what in the species demo: IAM users, each with the policies that the stacks offer for its part."""

from collections.abc import Mapping
from dataclasses import dataclass

import boto3

from local.cloud.server import LocalCloud


@dataclass(frozen=True)
class People:
    """A boto3 session each; `app` is no person but the application that asks what pictures show."""

    uploader: boto3.Session
    operator: boto3.Session
    approver: boto3.Session
    app: boto3.Session


def hire(cloud: LocalCloud, outputs: Mapping[str, Mapping[str, str]]) -> People:
    """Make the users. `outputs` is by stack, without the project's name: data, prod-serving, …"""
    operates = [stack["OperatorPolicyArn"] for stack in outputs.values() if "OperatorPolicyArn" in stack]
    return People(
        uploader=cloud.session(cloud.user("uploader", [outputs["data"]["UploaderPolicyArn"]])),
        operator=cloud.session(cloud.user("operator", operates)),
        approver=cloud.session(cloud.user("approver", [outputs["training"]["ApproverPolicyArn"]])),
        app=cloud.session(cloud.user("app", [outputs["prod-serving"]["RecognizerPolicyArn"]])),
    )
