"""The tags by which the bill is read: whose it is, in which environment, and by which part."""

import aws_cdk as cdk
from constructs import IConstruct

from stacks.names import PROJECT_TAG

_ENVIRONMENT_TAG = "environment"
_PART_TAG = "part"


def tag_costs(scope: IConstruct, *, project: str) -> None:
    """Tag all that can be tagged: `project`, `environment` after its stage and `part` after its stack.

    Each stack is tagged by itself: what an app is tagged with does not reach a stage that a pipeline deploys,
    which is synthesized before the app is.
    """
    for construct in scope.node.find_all():
        if isinstance(construct, cdk.Stack):
            tags = cdk.Tags.of(construct)
            tags.add(PROJECT_TAG, project)
            tags.add(_ENVIRONMENT_TAG, _environment(construct))
            tags.add(_PART_TAG, construct.node.id.lower())


def cost_tags(project: str, *, environment: str, part: str) -> dict[str, str]:
    """The same tags for what is not in a template, but made at run time."""
    return {PROJECT_TAG: project, _ENVIRONMENT_TAG: environment, _PART_TAG: part}


def _environment(stack: IConstruct) -> str:
    """`tools`, `staging` or `prod`; a stack outside of the stages, Delivery, is in the tools account."""
    stage = cdk.Stage.of(stack)
    return stage.node.id.lower() if stage and not isinstance(stage, cdk.App) else "tools"
