"""The role in which API Gateway writes the logs of all APIs of the account."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.acknowledgements import acknowledge


class ApiLogs(Construct):
    """One for the account and region: API Gateway knows one such role, that of who sets it last.

    So it is in the stack that every part needs: none that comes and goes takes it from the others.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        name = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(name)],
        )
        apigateway.CfnAccount(self, "Account", cloud_watch_role_arn=role.role_arn)
        acknowledge(
            role,
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{name}]",
            "API Gateway writes its logs with the one role of the account, for which AWS keeps this policy",
        )
