"""One execution of a pipeline."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from local.sagemaker.pipelines.definition import Step
from local.sagemaker.pipelines.expressions import Scope
from local.sagemaker.pipelines.graph import Graph
from local.sagemaker.pipelines.retry import Retries, StepError
from local.sagemaker.pipelines.steps import Done, Steps
from local.sagemaker.table import Record, now

_LONGEST_REASON = 1024
_KINDS_WITHOUT_RETRY = ("Condition", "Fail")
Observer = Callable[[Record, str], None]


class PipelineRun:
    """Runs steps as soon as what they need has succeeded.

    A failed step does not end those that run beside it; what needs it never starts, and the execution fails
    once nothing runs any more. `on_step(record, status before)` hears every change of a step.
    """

    def __init__(
        self,
        definition: Record,
        steps: Steps,
        scope: Scope,
        parallel: int,
        stopping: threading.Event,
        on_step: Observer,
    ) -> None:
        self._definition, self._steps, self._scope = definition, steps, scope
        self._parallel, self._stopping, self._on_step = parallel, stopping, on_step
        self._lock = threading.Lock()
        self._records: dict[str, Record] = {}

    def records(self) -> list[Record]:
        """Give the steps that have started, in their order."""
        with self._lock:
            return [dict(record) for record in self._records.values()]

    def run(self) -> tuple[str, str | None]:
        """Run to the end: the execution's status and, if it failed, the reason."""
        graph = Graph(self._definition["Steps"])
        running: dict[Future[Done | None], str] = {}
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="pipeline step") as pool:
            while True:
                if not self._stopping.is_set():
                    for step in graph.take_ready():
                        running[pool.submit(self._step, step)] = step["Name"]
                if not running:
                    break
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    name, done = running.pop(future), future.result()
                    if done:
                        graph.succeeded(name, list(done.branch))
        return self._verdict(graph)

    def _verdict(self, graph: Graph) -> tuple[str, str | None]:
        records = self.records()
        failed = [f"{r['StepName']}: {r['FailureReason']}" for r in records if r["StepStatus"] == "Failed"]
        if self._stopping.is_set():
            return "Stopped", None
        if failed:
            # The API's model allows no line break here; what a job said may have some.
            reason = " ".join(f"Step failure: One or multiple steps failed. {' | '.join(failed)}".split())
            return "Failed", reason[:_LONGEST_REASON]
        if waiting := {name: needed for name, needed in graph.left().items() if not self._untaken(needed)}:
            return "Failed", f"Steps wait for each other: {', '.join(sorted(waiting))}"
        return "Succeeded", None

    def _untaken(self, needed: set[str]) -> bool:
        """Whether what a step is in need of lies on a branch that was not taken."""
        top = {step["Name"] for step in self._definition["Steps"]}
        return not needed <= top

    def _step(self, step: Step) -> Done | None:
        self._change(step, "Starting", StartTime=now(), AttemptCount=0)
        retries = Retries([] if step["Type"] in _KINDS_WITHOUT_RETRY else step.get("RetryPolicies", []))
        attempt = 0
        while True:
            attempt += 1
            self._change(step, "Executing", AttemptCount=attempt)
            try:
                done = self._steps.run(
                    step, lambda metadata: self._change(step, "Executing", Metadata=metadata)
                )
            except StepError as error:
                pause = None if self._stopping.is_set() else retries.wait_seconds(error)
                if pause is None or self._stopping.wait(pause):
                    self._fail(step, error)
                    return None
                continue
            except Exception as error:
                self._fail(step, StepError(f"InternalServerError: {type(error).__name__}: {error}"))
                return None
            self._scope.properties[step["Name"]] = done.properties
            self._change(step, "Succeeded", EndTime=now(), Metadata=done.metadata)
            return done

    def _fail(self, step: Step, error: StepError) -> None:
        end: dict[str, Any] = {"EndTime": now(), **({"Metadata": error.metadata} if error.metadata else {})}
        if self._stopping.is_set():
            self._change(step, "Stopped", **end)
        else:
            self._change(step, "Failed", FailureReason=str(error)[:_LONGEST_REASON], **end)

    def _change(self, step: Step, status: str, **fields: Any) -> None:
        name = step["Name"]
        with self._lock:
            record = self._records.setdefault(
                name, {"StepName": name, "StepType": step["Type"], "StepStatus": ""}
            )
            before = record["StepStatus"]
            described = {
                field: step[source]
                for source, field in (("DisplayName", "StepDisplayName"), ("Description", "StepDescription"))
                if step.get(source)
            }
            record.update({**described, "StepStatus": status, **fields})
            after = dict(record)
        if status != before:
            self._on_step(after, before or "Starting")
