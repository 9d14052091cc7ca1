"""The stage of an environment: its own account, or the tools account where it has none."""

import aws_cdk as cdk
from constructs import Construct

from config import Edgeline
from stacks.names import EnvironmentName
from stacks.serving_stack import ServingStack


class WorkloadStage(cdk.Stage):
    """Where models serve: `staging`, in which they are tested, or `prod`, which apps ask."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Edgeline, environment: EnvironmentName
    ) -> None:
        accounts = config.accounts
        account = accounts.staging if environment == "staging" else accounts.prod
        super().__init__(scope, construct_id, env=cdk.Environment(account=account, region=accounts.region))
        ServingStack(self, "Serving", config=config, environment=environment)
