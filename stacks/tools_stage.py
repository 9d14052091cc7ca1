"""The stage of the tools account."""

import aws_cdk as cdk
from constructs import Construct

from config import Edgeline
from stacks.cost_stack import CostStack
from stacks.data_stack import DataStack
from stacks.edge_stack import EdgeStack
from stacks.labeling_stack import LabelingStack
from stacks.promotion_stack import PromotionStack
from stacks.training_stack import TrainingStack


class ToolsStage(cdk.Stage):
    """Everything that lives in the tools account, in the order in which data passes through it."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Edgeline) -> None:
        env = cdk.Environment(account=config.accounts.tools, region=config.accounts.region)
        super().__init__(scope, construct_id, env=env)
        data = DataStack(self, "Data", config=config)
        LabelingStack(
            self,
            "Labeling",
            config=config,
            images=data.images,
            artifacts=data.artifacts,
            key=data.key,
            feature_group_name=data.feature_group_name,
            workflows=data.workflows,
        )
        TrainingStack(
            self,
            "Training",
            config=config,
            images=data.images,
            artifacts=data.artifacts,
            key=data.key,
            feature_group_name=data.feature_group_name,
            workflows=data.workflows,
        )
        PromotionStack(self, "Promotion", config=config, artifacts=data.artifacts, key=data.key)
        EdgeStack(
            self,
            "Edge",
            config=config,
            images=data.images,
            artifacts=data.artifacts,
            key=data.key,
            workflows=data.workflows,
        )
        CostStack(self, "Cost", config=config, key=data.key)
