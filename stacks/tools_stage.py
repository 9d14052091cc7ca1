"""The stage of the tools account."""

import aws_cdk as cdk
from constructs import Construct

from config import PARTS, Edgeline
from stacks.cost_stack import CostStack
from stacks.data_stack import DataStack
from stacks.edge_stack import EdgeStack
from stacks.labeling_stack import LabelingStack
from stacks.promotion_stack import PromotionStack
from stacks.studio_stack import StudioStack
from stacks.training_stack import TrainingStack


class ToolsStage(cdk.Stage):
    """Everything that lives in the tools account, in the order in which data passes through it.

    The parts that the configuration leaves out are not made; what they would share is: the Data stack.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Edgeline) -> None:
        env = cdk.Environment(account=config.accounts.tools, region=config.accounts.region)
        super().__init__(scope, construct_id, env=env)
        self._config = config
        data = DataStack(self, "Data", config=config)
        make = {
            "labeling": self._labeling,
            "training": self._training,
            "promotion": self._promotion,
            "edge": self._edge,
        }
        for part in PARTS:
            if part in config.parts:
                make[part](data)
        CostStack(self, "Cost", config=config, key=data.key)

    def _labeling(self, data: DataStack) -> None:
        LabelingStack(
            self,
            "Labeling",
            config=self._config,
            images=data.images,
            artifacts=data.artifacts,
            key=data.key,
            feature_group_name=data.feature_group_name,
            workflows=data.workflows,
        )

    def _training(self, data: DataStack) -> None:
        training = TrainingStack(
            self,
            "Training",
            config=self._config,
            images=data.images,
            artifacts=data.artifacts,
            key=data.key,
            feature_group_name=data.feature_group_name,
            workflows=data.workflows,
        )
        studio = self._config.studio
        if studio is not None:
            StudioStack(
                self,
                "Studio",
                config=self._config,
                studio=studio,
                training=training,
                artifacts=data.artifacts,
                key=data.key,
            )

    def _promotion(self, data: DataStack) -> None:
        PromotionStack(self, "Promotion", config=self._config, artifacts=data.artifacts, key=data.key)

    def _edge(self, data: DataStack) -> None:
        EdgeStack(
            self,
            "Edge",
            config=self._config,
            images=data.images,
            artifacts=data.artifacts,
            key=data.key,
            workflows=data.workflows,
        )
