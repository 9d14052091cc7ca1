"""The two groups of devices that a rollout goes to, one after the other."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wave:
    """One of the rollout's two groups of devices, and what is asked of it.

    A `required` group must have a device that takes the model. Of each device that took it at least
    `min_inferences` are asked for; a production line may stand still, so there it is only a sign of life.
    """

    name: str
    group_arn: str
    required: bool
    max_failed_percent: int
    min_inferences: int


def staging_wave(group_arn: str) -> Wave:
    """Devices that try a model: all of them have to take it and inspect with it."""
    return Wave("staging", group_arn, required=True, max_failed_percent=0, min_inferences=5)


def prod_wave(group_arn: str) -> Wave:
    """Devices that work: those that are offline are counted and follow later, few may fail."""
    return Wave("prod", group_arn, required=False, max_failed_percent=10, min_inferences=0)
