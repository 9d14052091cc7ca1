"""The tags by which the bill is read: whose it is, in which environment, and by which part."""

import aws_cdk as cdk
from constructs import IConstruct

PROJECT_TAG = "project"
_ENVIRONMENT_TAG = "environment"
_PART_TAG = "part"


def tag_costs(scope: cdk.App, *, project: str) -> None:
    """Tag all that can be tagged: `project`, `environment` after its stage and `part` after its stack."""
    cdk.Tags.of(scope).add(PROJECT_TAG, project)
    for construct in scope.node.find_all():
        if isinstance(construct, cdk.Stack):
            cdk.Tags.of(construct).add(_ENVIRONMENT_TAG, _environment(construct))
            cdk.Tags.of(construct).add(_PART_TAG, construct.node.id.lower())


def _environment(stack: IConstruct) -> str:
    """`tools`, `staging` or `prod`; a stack outside of the stages, Delivery, is in the tools account."""
    stage = cdk.Stage.of(stack)
    return stage.node.id.lower() if stage and not isinstance(stage, cdk.App) else "tools"
