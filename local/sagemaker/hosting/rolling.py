"""A rolling deployment: new instances in batches, and as many old ones gone after each."""

from __future__ import annotations

from local.sagemaker.hosting.deployment import BlueGreen
from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.instance import UnhealthyError
from local.sagemaker.hosting.traffic import whole
from local.sagemaker.hosting.variant import Status, Variant
from local.sagemaker.hosting.watch import AbortedError


class RollbackFailedError(Exception):
    """The old fleet did not come back either; what serves is a mix of both."""


class Rolling(BlueGreen):
    """Replaces `blue` by `green`, of one variant, batch by batch. See `BlueGreen`."""

    def run(self) -> None:
        """Deploy. After UnhealthyError or AbortedError blue serves again; RollbackFailedError: both do."""
        new, old = self.green.variants[0], self._old()
        try:
            for size in self.plan.steps(new.desired):
                self._exchange(size, new, old)
        except BaseException as error:
            self._return(old, error)
            raise
        new.status = None

    def _old(self) -> tuple[Fleet, Variant]:
        if self.blue is None:
            raise AbortedError("There is nothing to replace.")
        return self.blue, self.blue.variants[0]

    def _exchange(self, size: int, new: Variant, old: tuple[Fleet, Variant]) -> None:
        self.report("Creating", lambda v: f"Launching {size - len(v.instances)} instance(s).")
        self.green.resize(new, size, self.watch.check)
        capacity = f"capacity of {size} instance(s)"
        self._share(size / new.desired)
        self.report("ActivatingTraffic", lambda v: f"Activating traffic on {capacity}.")
        seconds = self.plan.wait
        if seconds:
            message = (
                f"Baking for {seconds} seconds (WaitIntervalInSeconds) with traffic enabled on {capacity}."
            )
            self.report("Baking", lambda v: message)
        self.watch.bake(seconds)
        blue, variant = old
        keep = variant.desired * (new.desired - size) // new.desired
        variant.status = Status("Deleting", f"Terminating {len(variant.instances) - keep} instance(s).")
        self.changed()
        if keep:  # the last batch goes with the fleet
            blue.resize(variant, keep)

    def _share(self, share: float) -> None:
        self._divide({variant.name: share for variant in self.green.variants})

    def _return(self, old: tuple[Fleet, Variant], error: BaseException) -> None:
        blue, variant = old
        batch = self.plan.rollback_size.of(variant.desired) if self.plan.rollback_size else variant.desired
        self._share(1 - len(variant.instances) / variant.desired)
        try:
            while (missing := variant.desired - len(variant.instances)) > 0:
                added = min(batch, missing)
                variant.status = Status("Updating", f"Launching {added} instance(s).")
                self.changed()
                blue.resize(variant, len(variant.instances) + added)
                self._share(1 - len(variant.instances) / variant.desired)
        except (UnhealthyError, OSError, RuntimeError) as failure:
            raise RollbackFailedError(f"{error} The roll back failed too: {failure}") from failure
        variant.status = None
        self.traffic.send(whole(blue))
