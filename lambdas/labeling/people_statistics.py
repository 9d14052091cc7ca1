"""Who did what in recent rounds, how long it took, what others thought of it, and how far they agree."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from lambdas.labeling.agreement import Agreement, Judgement
from lambdas.labeling.kept_answers import Answer
from lambdas.labeling.tasks import LABEL, NOBODY, SETTLE, VERIFY, Kind, Task

_KINDS: tuple[Kind, ...] = (LABEL, VERIFY, SETTLE)


@dataclass
class _Work:
    """What one person did of one kind; `judged` counts the verdicts on it, or those that it came to."""

    seconds: list[int] = field(default_factory=list)
    answered: int = 0
    judged: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        verdicts = sum(self.judged.values())
        return {
            "answered": self.answered,
            "seconds_median": median(self.seconds) if self.seconds else None,
            "rejected_share": self.judged["reject"] / verdicts if verdicts else None,
        }


class Statistics:
    """Counts rounds one by one; `least_iou` makes two boxes of two people the same object."""

    def __init__(self, *, least_iou: float) -> None:
        self._least_iou = least_iou
        self._work: defaultdict[str, defaultdict[Kind, _Work]] = defaultdict(lambda: defaultdict(_Work))
        self._skipped: Counter[str] = Counter()
        self._agreement: dict[str, Agreement] = {}
        self._verdicts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add_round(
        self, model: str, tasks: Iterable[Task], answers: Iterable[Answer], skipped: Mapping[str, int]
    ) -> int:
        """Count a round and give how many answers it has; `tasks` are needed where answers are verdicts."""
        by_number = {task.number: task for task in tasks}
        given = [answer for answer in answers if answer.who != NOBODY]
        for answer in given:
            self._count(model, answer, by_number.get(answer.number))
        self._compare_labels(model, [answer for answer in given if answer.kind == LABEL])
        self._skipped.update(skipped)
        return len(given)

    def people(self) -> list[dict[str, Any]]:
        """Everybody by name, with what they did of each kind."""
        names = sorted({*self._work, *(name for name, count in self._skipped.items() if count)})
        return [
            {
                "name": name,
                **{kind: self._work[name][kind].document() for kind in _KINDS},
                "skipped": self._skipped[name],
            }
            for name in names
        ]

    def agreement(self) -> list[dict[str, Any]]:
        """Each model with its pairs of people and the share of labels that were approved as they were."""
        return [
            {
                "model": model,
                **self._of(model).document(),
                "approved_share": self._approved_share(model),
            }
            for model in sorted({*self._agreement, *self._verdicts})
        ]

    def _count(self, model: str, answer: Answer, task: Task | None) -> None:
        work = self._work[answer.who][answer.kind]
        work.answered += 1
        if answer.seconds is not None:
            work.seconds.append(answer.seconds)
        verdict = answer.answer.get("verdict")
        if verdict is None:
            return
        work.judged[verdict] += 1
        self._verdicts[model][verdict] += 1
        drawn_by = task.labeled_by if task is not None else ()
        for name in drawn_by:
            self._work[name][LABEL].judged[verdict] += 1
        # Of several who drew, the boxes are a consensus, which is nobody's own.
        if verdict == "mend" and task is not None and len(drawn_by) == 1:
            self._of(model).add(
                Judgement(drawn_by[0], task.boxes), Judgement(answer.who, answer.answer["boxes"])
            )

    def _compare_labels(self, model: str, labels: Sequence[Answer]) -> None:
        by_image: defaultdict[int, list[Judgement]] = defaultdict(list)
        for answer in labels:
            judgement = Judgement(answer.who, answer.answer.get("boxes"))
            for other in by_image[answer.image_number]:
                self._of(model).add(other, judgement)
            by_image[answer.image_number].append(judgement)

    def _of(self, model: str) -> Agreement:
        return self._agreement.setdefault(model, Agreement(least_iou=self._least_iou))

    def _approved_share(self, model: str) -> float | None:
        verdicts = self._verdicts[model]
        total = sum(verdicts.values())
        return verdicts["approve"] / total if total else None
