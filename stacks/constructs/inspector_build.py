"""The build that publishes the inspector's component version and says so."""

import json

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from stacks.constructs.inspector_component import CODE, InspectorComponent
from stacks.constructs.workflow_actions import RunBuild
from stacks.constructs.workflow_build import WorkflowBuild
from stacks.grants import allow

_REQUIREMENTS = "edge/requirements-publish.txt"
PUBLISHED = "Inspector Published"


class InspectorBuild(WorkflowBuild):
    """Runs `python -m edge.publish`; the version is the one that the stack was deployed with."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        inspector: InspectorComponent,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        buckets = {"IMAGES_BUCKET": images.bucket_name, "ARTIFACTS_BUCKET": artifacts.bucket_name}
        super().__init__(
            scope,
            construct_id,
            description="Publishes the inspector as a version of its component",
            key=key,
            files=(*CODE, "edge/publish.py", _REQUIREMENTS),
            requirements=_REQUIREMENTS,
            commands=["python -m edge.publish"],
            environment={
                "COMPONENT_ARN": inspector.arn,
                "CONTENT": inspector.content,
                "RECIPE_VALUES": json.dumps({**inspector.chosen, **buckets}),
                "EVENT_SOURCE": config.name,
                "DETAIL_TYPE": PUBLISHED,
            },
        )
        self._grant(inspector, artifacts, key)

    def publish(self) -> RunBuild:
        """The action that publishes, from the commit that the start of the pipeline names."""
        commit = {"GIT_COMMIT": "#{variables.COMMIT}"}
        return RunBuild("Publish", project=self.project, reader=self.role, environment=commit)

    def _grant(self, inspector: InspectorComponent, artifacts: s3.IBucket, key: kms.IKey) -> None:
        # Greengrass reads the artifact as whoever creates the version.
        artifact = artifacts.arn_for_objects(
            f"components/{inspector.component_name}/{inspector.version}/inspector.zip"
        )
        allow(self.role, "s3:PutObject", "s3:GetObject", on=[artifact])
        allow(self.role, "kms:GenerateDataKey", "kms:Decrypt", on=[key.key_arn])
        # A version is made of the component; from then on it has an ARN of its own.
        component = inspector.arn.rpartition(":versions:")[0]
        allow(self.role, "greengrass:CreateComponentVersion", "greengrass:TagResource", on=[component])
        allow(self.role, "greengrass:DescribeComponent", "greengrass:TagResource", on=[inspector.arn])
        bus = cdk.Stack.of(self).format_arn(service="events", resource="event-bus", resource_name="default")
        allow(self.role, "events:PutEvents", on=[bus])
