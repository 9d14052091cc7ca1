"""What has happened in a run so far, and nothing else: the summary and the report are made from it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.demo import evidence, people, summary
from local.demo.annotator import Tally
from local.demo.details import Annotation, Excluded, Link, Returned, Worker
from local.demo.source import Material


@dataclass
class Facts:
    """Filled in as the parts of the line end; what was not reached keeps its default."""

    material: Material | None = None
    labeling: list[Mapping[str, Any]] = field(default_factory=list)
    crew: Tally = field(default_factory=Tally)
    workers: tuple[Worker, ...] = ()
    evaluated: evidence.Evaluated | None = None
    approved_by: str | None = None
    pages: dict[str, str] = field(default_factory=dict)  # of the evidence, beside the report: title -> file
    staging: summary.Endpoint | None = None
    prod: summary.Endpoint | None = None
    devices: tuple[summary.Device, ...] = ()
    returned: tuple[Returned, ...] = ()
    left_out: list[Excluded] = field(default_factory=list)
    threshold: float = 0.0

    def add_labeling(self, output: Mapping[str, Any], answered: Tally, left_out: list[Excluded]) -> None:
        """Add one labeling execution: its output, what the crew answered, what it set aside."""
        self.labeling.append(output)
        counts = vars(answered)
        self.crew = Tally(**{name: count + counts[name] for name, count in vars(self.crew).items()})
        self.left_out += left_out

    def images(self) -> summary.Images | None:
        """How many pictures entered the line, and what became of them."""
        if self.material is None:
            return None
        counts: Counter[str] = Counter()
        for output in self.labeling:
            counts.update({name: output[name] for name in ("labeled", "relabeled", "quarantined")})
        return summary.Images(
            total=len(self.material.uploads) + len(self.returned),
            labeled=counts["labeled"],
            relabeled=counts["relabeled"],
            quarantined=counts["quarantined"],
        )

    def annotation(self) -> Annotation | None:
        """What the people answered; the mistakes are those that the simulated ones made on purpose."""
        crew, hands = self.crew, [worker for worker in self.workers if worker.by_hand]
        labels = crew.labeled + sum(worker.drawn for worker in hands)
        if not labels:
            return None
        return Annotation(
            people=len(people.LABELERS + people.VERIFIERS + people.SUPERVISORS) + len(hands),
            labels=labels, mistakes=crew.mistakes,
            approved=crew.approved, rejected=crew.rejected, unusable=crew.unusable,
        )  # fmt: skip

    def chain(self) -> tuple[Link, ...]:
        """The way from the last device back to its dataset; nothing as long as there is no device."""
        if not self.evaluated or not self.devices:
            return ()
        return evidence.chain(self.devices[-1], self.evaluated)

    def set_aside(self) -> tuple[Excluded, ...]:
        """Everything that was set aside, in the order of the line."""
        given = self.material.set_aside if self.material else ()
        by_reader = [Excluded(aside.name, aside.reason, "label file and folder") for aside in given]
        by_dataset = self.evaluated.excluded() if self.evaluated else []
        return (*by_reader, *self.left_out, *by_dataset)
