"""Whether a custom resource goes because its stack does."""

from typing import Any

_GOING = ("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")


def stack_is_going(cloudformation: Any, stack_id: str) -> bool:
    """Tell whether the whole stack is being deleted, or given up while it is first made.

    A resource that is only taken out of its template is deleted too: `keep = true` after `keep = false` does
    that, and must not cost what is to be kept.
    """
    (stack,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    return stack["StackStatus"] in _GOING
