"""The people of the demo: IAM users, each with the managed policies that the stacks offer for that part."""

from collections.abc import Mapping
from dataclasses import dataclass

import boto3

from local.cloud.call import Credentials
from local.cloud.server import LocalCloud

LABELERS = ("annotator-ada", "annotator-ben")
VERIFIERS = ("annotator-cleo",)


@dataclass(frozen=True)
class People:
    """Who does what by hand; a boto3 session each, but for the annotators, who sign their own requests.

    Of the auditor the keys: with `--stay` they are handed to the user. `app` is no person but the application
    that asks the prod endpoint.
    """

    uploader: boto3.Session
    operator: boto3.Session
    approver: boto3.Session
    app: boto3.Session
    auditor: Credentials
    annotators: Mapping[str, Credentials]


def hire(cloud: LocalCloud, outputs: Mapping[str, Mapping[str, str]], *, prod: LocalCloud) -> People:
    """Make the users. `outputs` is by stack, without the project's name: data, prod-serving, …

    `prod` is the cloud as prod's account sees it, where the application is at home.
    """
    audits = [stack["AuditorPolicyArn"] for stack in outputs.values() if "AuditorPolicyArn" in stack]
    operates = [stack["OperatorPolicyArn"] for stack in outputs.values() if "OperatorPolicyArn" in stack]
    annotates = [outputs["labeling"]["AnnotatorPolicyArn"]]
    return People(
        uploader=cloud.session(cloud.user("uploader", [outputs["data"]["UploaderPolicyArn"]])),
        operator=cloud.session(cloud.user("operator", operates)),
        approver=cloud.session(cloud.user("approver", [outputs["training"]["ApproverPolicyArn"]])),
        app=prod.session(prod.user("app", [outputs["prod-serving"]["CallerPolicyArn"]])),
        auditor=cloud.user("auditor", audits),
        annotators={name: cloud.user(name, annotates) for name in LABELERS + VERIFIERS},
    )
