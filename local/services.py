"""What the local cloud serves beside the emulator: the plugins, in the order in which they are made."""

from local import autoscaling, codebuild, codepipeline, greengrass, monitoring, sagemaker, source

# The demo deploys by itself, and needs no repository to push to.
WITHOUT_SOURCE = (
    monitoring.plug, sagemaker.plug, autoscaling.plug, greengrass.plug, codebuild.plug, codepipeline.plug,
)  # fmt: skip
ALL = (*WITHOUT_SOURCE[:-1], source.plug, WITHOUT_SOURCE[-1])
