"""All of Edgeline, at the top level of the app: the stages, and the delivery that deploys them."""

import aws_cdk as cdk

from config import Edgeline
from stacks.cost_tags import tag_costs
from stacks.delivery_stack import DeliveryStack
from stacks.tools_stage import ToolsStage
from stacks.workload_stage import WorkloadStage


def add_edgeline(app: cdk.App, config: Edgeline) -> None:
    """Add the stages of the three accounts, or of the one that plays all three, and the delivery.

    Without the part `promotion` nothing is deployed to staging or prod, and they are not made.
    """
    stages: list[cdk.Stage] = [ToolsStage(app, "Tools", config=config)]
    if "promotion" in config.parts:
        stages += [
            WorkloadStage(app, "Staging", config=config, environment="staging"),
            WorkloadStage(app, "Prod", config=config, environment="prod"),
        ]
    # Before they are delivered, since that takes them as they are by then.
    tag_costs(app, project=config.name)
    if config.delivery is not None:
        delivery = DeliveryStack(app, "Delivery", config=config, delivery=config.delivery, stages=stages)
        tag_costs(delivery, project=config.name)
