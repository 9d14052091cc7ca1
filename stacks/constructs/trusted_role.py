"""A role that named roles, and no others, may assume."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct


class TrustedRole(iam.Role):
    """A role with a physical name, assumed by roles of one account that are named by their ARNs."""

    def __init__(
        self, scope: Construct, construct_id: str, *, role_name: str, account: str, trusts: Sequence[str]
    ) -> None:
        super().__init__(
            scope, construct_id, role_name=role_name, assumed_by=roles_of([account], role_arns=trusts)
        )


def roles_of(accounts: Sequence[str], *, role_arns: Sequence[str]) -> iam.IPrincipal:
    """Roles by their ARNs, which need not exist yet: a policy that named one as principal would be refused.

    Nor does such a policy go stale: IAM turns a role that is named as principal into that very role's id,
    and a role that is made anew under the name is then another one.
    """
    principals = [iam.AccountPrincipal(account) for account in dict.fromkeys(accounts)]
    named = {"ArnEquals": {"aws:PrincipalArn": list(role_arns)}}
    return iam.CompositePrincipal(*principals).with_conditions(named)
