"""The people of the demo.

IAM users, each with the managed policies that the stacks offer for that part; who labels is in the user pool.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import boto3

from local.cloud.call import Credentials
from local.cloud.server import LocalCloud
from local.demo.signed_in import SignedIn, join

LABELERS = ("ada", "ben")
VERIFIERS = ("cleo",)
SUPERVISORS = ("dana",)
USER = "you"
_GROUPS = {
    **dict.fromkeys(LABELERS + VERIFIERS, ("annotators",)),
    **dict.fromkeys(SUPERVISORS, ("annotators", "supervisors")),
}


@dataclass(frozen=True)
class People:
    """Who does what by hand; a boto3 session each, but for the annotators, who sign in to the page.

    Of the auditor the keys: with `--stay` they are handed to the user. `app` is no person but the application
    that asks the prod endpoint. `user` is who labels by hand: annotator and supervisor, to see both parts.
    """

    uploader: boto3.Session
    operator: boto3.Session
    approver: boto3.Session
    app: boto3.Session
    auditor: Credentials
    annotators: Mapping[str, SignedIn]
    user: SignedIn | None = None

    @property
    def everybody_at_the_page(self) -> list[SignedIn]:
        """The annotators, and the user, where there is one."""
        return [*self.annotators.values(), *([self.user] if self.user else [])]


def hire(
    cloud: LocalCloud, outputs: Mapping[str, Mapping[str, str]], *, prod: LocalCloud, by_hand: bool = False
) -> People:
    """Make the users. `outputs` is by stack, without the project's name: data, prod-serving, …

    `prod` is the cloud as prod's account sees it, where the application is at home; `by_hand`: whether the
    user takes part.
    """
    audits = [stack["AuditorPolicyArn"] for stack in outputs.values() if "AuditorPolicyArn" in stack]
    operates = [stack["OperatorPolicyArn"] for stack in outputs.values() if "OperatorPolicyArn" in stack]
    groups = {**_GROUPS, **({USER: _GROUPS[SUPERVISORS[0]]} if by_hand else {})}
    joined = join(cloud, outputs["labeling"], groups)
    return People(
        uploader=cloud.session(cloud.user("uploader", [outputs["data"]["UploaderPolicyArn"]])),
        operator=cloud.session(cloud.user("operator", operates)),
        approver=cloud.session(cloud.user("approver", [outputs["training"]["ApproverPolicyArn"]])),
        app=prod.session(prod.user("app", [outputs["prod-serving"]["CallerPolicyArn"]])),
        auditor=cloud.user("auditor", audits),
        annotators={name: person for name, person in joined.items() if name != USER},
        user=joined.get(USER),
    )


def kinds_of(name: str) -> tuple[str, ...]:
    """What one of those in the pool is asked to do at the workbench."""
    if name in SUPERVISORS:
        return ("settle",)
    return ("label",) if name in LABELERS else ("verify",)
