"""What the local cloud serves beside the emulator: the plugins, in the order in which they are made."""

from local import autoscaling, codebuild, codepipeline, greengrass, monitoring, sagemaker, source

ALL = (
    monitoring.plug, sagemaker.plug, autoscaling.plug, greengrass.plug, codebuild.plug, source.plug,
    codepipeline.plug,
)  # fmt: skip
# The demo deploys by itself, and needs no repository to push to.
WITHOUT_SOURCE = tuple(plug for plug in ALL if plug is not source.plug)
