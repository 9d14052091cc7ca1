"""Simulated people at the workbench: they answer through its API, from the known labels, with mistakes.

Whoever both labels and verifies is given no label of their own to verify by the workbench. A picture is known
by its content, so one that a device sends back is known again. Who answers first depends on the threads; what
is answered depends on the seed, the picture and how often it was labelled before, and on nothing else.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from local.demo.boxes import Box, match
from local.demo.mistakes import SEEN_AS_WRONG, make_mistake, what_is_wrong
from local.demo.share import Share
from local.demo.workbench import Task, Workbench, WorkbenchError

UNKNOWN = "nobody here knows what this picture shows"


@dataclass(frozen=True)
class Truth:
    """What a picture shows; `unusable` says why where nobody can tell."""

    boxes: tuple[Box, ...] = ()
    unusable: str | None = None


@dataclass
class Tally:
    """What the crew has answered so far; `mistakes` are those made on purpose."""

    labeled: int = 0
    mistakes: int = 0
    approved: int = 0
    rejected: int = 0
    settled: int = 0
    unusable: int = 0
    refused: int = 0  # answers that the workbench did not take: a lease ran out, or they came twice


class KnownLabels:
    """What everybody in the crew knows: the truth by content hash, and how often a picture was labelled."""

    def __init__(self, truths: Mapping[str, Truth], *, mistake_rate: float, seed: int) -> None:
        self._truths = dict(truths)
        self._mistake_rate = mistake_rate
        self._seed = seed
        self._looks: Counter[str] = Counter()
        self._lock = threading.Lock()

    def answer(self, task: Task, content: bytes) -> tuple[dict[str, Any], str]:
        """Return the answer to hand in, and the field of the Tally that it counts in."""
        sha256 = hashlib.sha256(content).hexdigest()
        truth = self._truths.get(sha256, Truth(unusable=UNKNOWN))
        if truth.unusable:
            return {"unusable": truth.unusable}, "unusable"
        if task.kind == "verify":
            return _verdict(truth, task)
        if task.kind == "settle":  # whoever has the last word looks closely
            return {"boxes": [box.as_dict() for box in truth.boxes]}, "settled"
        boxes = self._label(task, truth, sha256)
        outcome = "labeled" if boxes == truth.boxes else "mistakes"
        return {"boxes": [box.as_dict() for box in boxes]}, outcome

    def _label(self, task: Task, truth: Truth, sha256: str) -> tuple[Box, ...]:
        with self._lock:
            self._looks[sha256] += 1
            look = self._looks[sha256]
        rng = np.random.default_rng([self._seed, look, int(sha256[:16], 16)])
        # Who sees a picture again knows that something was wrong with it, and takes more care.
        if rng.random() >= self._mistake_rate**look:
            return truth.boxes
        return make_mistake(rng, truth.boxes, task.classes, task.width, task.height)


def _verdict(truth: Truth, task: Task) -> tuple[dict[str, Any], str]:
    reason = what_is_wrong(truth.boxes, task.boxes, match(truth.boxes, task.boxes, SEEN_AS_WRONG))
    if reason is None:
        return {"verdict": "approve"}, "approved"
    return {"verdict": "reject", "reason": reason}, "rejected"


@dataclass(frozen=True)
class Annotator:
    """One person with a client of their own, and what they are asked to do."""

    name: str
    workbench: Workbench
    kinds: tuple[str, ...] = ("label", "verify")


class Crew:
    """Annotators at work, each in a thread; use it as a context manager.

    `on_progress` is called with the Tally after every answer, by one thread at a time. Of the label tasks the
    crew takes its `share`, all where there is none.
    """

    def __init__(
        self,
        annotators: Sequence[Annotator],
        known: KnownLabels,
        *,
        on_progress: Callable[[Tally], None] = lambda tally: None,
        poll_seconds: float = 0.5,
        batch_size: int = 10,
        share: Share | None = None,
    ) -> None:
        self.tally = Tally()
        self._known = known
        self._on_progress = on_progress
        self._poll_seconds = poll_seconds
        self._batch_size = batch_size
        self._share = share
        self._failures: list[str] = []
        self._told_to_stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(annotator,), name=annotator.name, daemon=True)
            for annotator in annotators
        ]

    @property
    def failure(self) -> str | None:
        """The first reason for which an annotator gave up, in one line; the others go on."""
        return self._failures[0] if self._failures else None

    def __enter__(self) -> "Crew":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._told_to_stop.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _work(self, annotator: Annotator) -> None:
        try:
            while not self._told_to_stop.is_set():
                if not self._one_turn(annotator):
                    self._told_to_stop.wait(self._poll_seconds)
        except WorkbenchError as error:
            if not self._told_to_stop.is_set():
                self._failures.append(f"{annotator.name}: {error}")
        finally:
            annotator.workbench.close()

    def _one_turn(self, annotator: Annotator) -> int:
        answered = 0
        for kind in annotator.kinds:
            for task in self._claim(annotator.workbench, kind):
                if self._told_to_stop.is_set():
                    return answered
                self._count(self._hand_in(annotator.workbench, task))
                answered += 1
        return answered

    def _claim(self, workbench: Workbench, kind: str) -> list[Task]:
        if self._share is None or kind != "label":
            return workbench.claim(kind, self._batch_size)
        return self._share.claim(self._batch_size, lambda limit: workbench.claim(kind, limit))

    def _hand_in(self, workbench: Workbench, task: Task) -> str:
        answer, outcome = self._known.answer(task, _look_at(workbench, task))
        try:
            workbench.answer(task.task_id, answer)
        except WorkbenchError as error:
            if error.status == 400 and "unusable" not in answer:
                # An open task would hold the whole round up: what the workbench cannot take is named there.
                return self._give_up(workbench, task, str(error))
            if error.status not in (400, 403, 409):
                raise
            return "refused"
        return outcome

    def _give_up(self, workbench: Workbench, task: Task, why: str) -> str:
        try:
            workbench.answer(task.task_id, {"unusable": f"its label was not accepted: {why}"})
        except WorkbenchError as error:
            if error.status not in (400, 403, 409):
                raise
            return "refused"
        return "unusable"

    def _count(self, outcome: str) -> None:
        with self._lock:
            setattr(self.tally, outcome, getattr(self.tally, outcome) + 1)
            if outcome == "mistakes":
                self.tally.labeled += 1
            self._on_progress(self.tally)


def _look_at(workbench: Workbench, task: Task) -> bytes:
    try:
        return workbench.picture(task)
    except WorkbenchError as error:
        if error.status == 404:  # the picture was taken away since
            return b""
        raise
