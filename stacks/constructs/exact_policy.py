"""The policy of a role whose policy CDK writes, with less in it than CDK allows."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam


class ExactPolicy(iam.Policy):
    """Takes the place of all that CDK has allowed a role so far; `keep` is the action of what stays.

    CDK Pipelines lets some of its builds assume any role that is tagged as one of the bootstrap, or start any
    build of the account, and offers no way to say less.
    """

    def __init__(self, role: iam.Role, *, keep: str = "") -> None:
        super().__init__(role, "ExactPolicy", roles=[role])
        written = role.node.find_child("DefaultPolicy")
        if not isinstance(written, iam.Policy):
            raise TypeError(f"{role.node.path} has no policy of CDK's to take the place of")
        for statement in cdk.Stack.of(role).resolve(written.document)["Statement"]:
            if statement["Action"] == keep:
                resources = (
                    statement["Resource"]
                    if isinstance(statement["Resource"], list)
                    else [statement["Resource"]]
                )
                arns = [cdk.Token.as_string(resource) for resource in resources]
                self.add_statements(iam.PolicyStatement(actions=[keep], resources=arns))
        role.node.try_remove_child("DefaultPolicy")
