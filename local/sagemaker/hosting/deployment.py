"""A blue/green deployment: a whole new fleet beside the old one, and the traffic led over in steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.plan import Plan
from local.sagemaker.hosting.traffic import Portion, Traffic
from local.sagemaker.hosting.variant import Status, Variant
from local.sagemaker.hosting.watch import Watch


@dataclass
class BlueGreen:
    """Leads an endpoint's traffic from `blue`, None where nothing serves yet, to `green`.

    `changed` is called after each change of a variant's status. Whoever runs it retires the fleet that is
    left over.
    """

    traffic: Traffic
    blue: Fleet | None
    green: Fleet
    plan: Plan
    watch: Watch
    changed: Callable[[], None]

    def run(self) -> None:
        """Deploy. Whatever it raises, UnhealthyError or AbortedError say, the traffic is where it was."""
        before = self.traffic.portions
        try:
            self.report("Creating", lambda v: f"Launching {v.desired} instance(s).")
            self._start()
            for step in range(self._steps()):
                self._shift(step)
        except BaseException:
            self.traffic.send(*before)
            raise
        for variant in self.green.variants:
            variant.active, variant.status = None, None

    def _start(self) -> None:
        for variant in self.green.variants:
            variant.active = 0
        self.green.start(self.watch.check)

    def _steps(self) -> int:
        return max(len(self.plan.steps(variant.desired)) for variant in self.green.variants)

    def _shift(self, step: int) -> None:
        last = step == self._steps() - 1
        for variant in self.green.variants:
            steps = self.plan.steps(variant.desired)
            variant.active = steps[min(step, len(steps) - 1)]
        shares = {v.name: _share(v) for v in self.green.variants}
        size = "full" if last else "canary" if self.plan.kind == "CANARY" else "partial"
        self._divide(shares)
        self.report("ActivatingTraffic", lambda v: f"Activating traffic on {_capacity(size, v)}.")
        field = "TerminationWaitInSeconds" if last else "WaitIntervalInSeconds"
        seconds = self.plan.termination_wait if last else self.plan.wait
        if seconds:
            self.report(
                "Baking",
                lambda v: (
                    f"Baking for {seconds} seconds ({field}) with traffic enabled on {_capacity(size, v)}."
                ),
            )
        self.watch.bake(seconds)

    def _divide(self, shares: dict[str, float]) -> None:
        rest = {name: 1.0 - share for name, share in shares.items()}
        self.traffic.send(Portion(self.green, shares), *([Portion(self.blue, rest)] if self.blue else []))

    def report(self, word: str, message: Callable[[Variant], str]) -> None:
        """Set the status of green's variants."""
        for variant in self.green.variants:
            variant.status = Status(word, message(variant))
        self.changed()


def _share(variant: Variant) -> float:
    return 1.0 if variant.active is None or not variant.desired else variant.active / variant.desired


def _capacity(size: str, variant: Variant) -> str:
    return f"{size} capacity of {variant.active} instance(s)"
