"""What a label round came to, picture by picture: a label to verify, or why there is none.

Opening the verify round and collecting the answers both ask here, so that they say the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdas.labeling.consensus import Opinion, consensus
from lambdas.labeling.rounds import Answer, Task


@dataclass(frozen=True)
class Drawn:
    """One picture of a label round.

    `boxes` is the label, one person's or of several together, and `by` who drew it; where it is None,
    `unusable` says what people said, or `disputed` why there is neither, or nobody answered. `history` is
    what each of them did.
    """

    boxes: list[dict[str, Any]] | None = None
    by: tuple[str, ...] = ()
    at: str = ""
    unusable: str | None = None
    disputed: str = ""
    agreement: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[dict[str, Any], ...] = ()


class LabelRound:
    """The answers of one label round, and its tasks, which tell what everybody skipped."""

    def __init__(self, answers: Iterable[Answer], tasks: Iterable[Task], *, iou: float) -> None:
        self._iou = iou
        self._answers: dict[int, list[Answer]] = defaultdict(list)
        for answer in answers:
            self._answers[answer.image_number].append(answer)
        self._skipped = skipped(tasks)

    @property
    def any_answer(self) -> bool:
        """Whether anybody answered anything."""
        return bool(self._answers)

    def drawn(self, images: Iterable[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any], Drawn]]:
        """Each image of the round's list with its number and what came of it."""
        for number, image in enumerate(images, start=1):
            kept = image.get("labeled")
            if kept is not None:  # drawn in an earlier round, not verified in it
                label = Drawn(kept["boxes"], tuple(kept["by"]), kept["at"], agreement=kept["agreement"])
            else:
                label = drawn(self._answers.get(number, ()), self._skipped.get(number, ()), iou=self._iou)
            yield number, image, label


def drawn(answers: Iterable[Answer], skipped: Iterable[dict[str, Any]] = (), *, iou: float) -> Drawn:
    """What the answers about one picture come to; what some skipped counts where nobody answered."""
    ordered = sorted(answers, key=lambda answer: (answer.at, answer.who))
    history = (*(entry_of(answer) for answer in ordered), *skipped)
    if not ordered:
        return Drawn(disputed="everybody skipped it" if history else "", history=history)
    found = consensus([_opinion(answer) for answer in ordered], iou=iou)
    at = ordered[-1].at
    if found.boxes is not None:
        by = tuple(sorted(answer.who for answer in ordered if "boxes" in answer.answer))
        return Drawn(list(found.boxes), by, at, agreement=found.agreement, history=history)
    if found.unusable is None:
        why = "those who labelled it do not agree"
        return Drawn(at=at, disputed=why, agreement=found.agreement, history=history)
    # One person's reason stands as it is; of several, each is named.
    reason = str(ordered[0].answer["unusable"]) if len(ordered) == 1 else found.unusable
    by = tuple(sorted(answer.who for answer in ordered if "unusable" in answer.answer))
    return Drawn(None, by, at, unusable=reason, history=history)


def skipped(tasks: Iterable[Task]) -> dict[int, list[dict[str, Any]]]:
    """Who skipped the pictures that nobody wanted, as lines of their history, by the picture's number."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for task in tasks:
        for skip in (task.answer or {}).get("skipped", ()):
            entry = {"by": skip["by"], "at": skip.get("at", ""), "seconds": None, "what": "skip"}
            found[task.image].append({**entry, "reason": skip["reason"]})
    return found


def entry_of(answer: Answer) -> dict[str, Any]:
    """Who did what, when and for how long: a line of a picture's history."""
    said = {name: value for name, value in answer.answer.items() if name != "verdict"}
    what = answer.answer.get("verdict", answer.kind)
    entry = {**said, "by": answer.who, "at": answer.at, "seconds": answer.seconds, "what": what}
    return entry if answer.suggestions is None else {**entry, "suggestions": answer.suggestions}


def _opinion(answer: Answer) -> Opinion:
    return Opinion(answer.who, answer.answer.get("boxes", ()), answer.answer.get("unusable"))
