"""What becomes of each picture after a round of Ground Truth: the rules, without S3 and SageMaker.

The outcomes are those of lambdas/labeling/judgement.py but for DISPUTED: the supervisors' page has no part
here, and a label that is rejected in the last round leaves its picture to the next execution.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdas.labeling.answers import BadAnswer, checked
from lambdas.labeling.job_results import JobResults, Worker
from lambdas.labeling.judgement import APPROVED, REJECTED, UNANSWERED, UNRESOLVED
from lambdas.labeling.manifest_labels import Label
from lambdas.labeling.task_templates import APPROVE

_OF_THE_IMAGE = (
    "uri", "sha256", "width", "height", "depth", "object_group", "rejected", "rejections", "history",
)  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """A job that is over: its labels, who gave them, and why as a whole it did not complete."""

    results: JobResults
    people: Mapping[int, list[Worker]]
    ending: str = ""


@dataclass(frozen=True)
class Round:
    """A round with its two jobs; it is repeated while anything comes of it."""

    number: int
    is_last: bool
    classes: tuple[str, ...]
    label: Ended
    verify: Ended

    @property
    def again(self) -> bool:
        """Whether what is left may have another round."""
        return not self.is_last and bool(self.label.results.labels or self.verify.results.labels)


@dataclass(frozen=True)
class _Drawn:
    """A label to be verified, or the reason why there is none."""

    boxes: list[dict[str, Any]] = field(default_factory=list)
    by: tuple[str, ...] = ()
    at: str = ""
    missing: str = ""


def outcomes(images: Iterable[dict[str, Any]], this: Round) -> Iterator[dict[str, Any]]:
    """Each image with `outcome`, `round`, `history`, `seconds` and what belongs to the outcome."""
    for number, image in enumerate(images, start=1):
        drawn = _drawn(number, image, this)
        verdict = this.verify.results.labels.get(number)
        known = {name: image[name] for name in _OF_THE_IMAGE if name in image} | {"round": this.number}
        known |= _work(number, image, drawn, verdict, this)
        yield {**known, **_outcome(number, image, drawn, verdict, this)}


def _drawn(number: int, image: dict[str, Any], this: Round) -> _Drawn:
    if kept := image.get("labeled"):
        return _Drawn(kept["boxes"], tuple(kept["by"]), kept["at"])
    label, job = this.label.results.labels.get(number), this.label
    if label is None:
        failed = job.results.reasons.get(number)
        nobody = job.ending or "nobody labelled it while its job was open"
        return _Drawn(missing=f"labeling failed: {failed}" if failed else nobody)
    try:
        answer = _checked(label, image, this.classes)
    except BadAnswer as error:
        return _Drawn(missing=f"its label cannot be taken: {error}")
    return _Drawn(answer["boxes"], _names(job, number, label), _second(label))


def _checked(label: Label, image: dict[str, Any], classes: tuple[str, ...]) -> dict[str, Any]:
    """Hold a label to what is demanded of the workbench's, too; raises BadAnswer."""
    size = (image["width"], image["height"])
    if label.size not in (None, size):
        counted = "{} x {}".format(*label.size)
        raise BadAnswer(f"it is for {counted} pixels, the picture has {size[0]} x {size[1]}")
    boxes = [vars(box) for box in label.boxes]
    return checked({"boxes": boxes}, kind="label", width=size[0], height=size[1], classes=classes)


def _outcome(
    number: int, image: dict[str, Any], drawn: _Drawn, verdict: Label | None, this: Round
) -> dict[str, Any]:
    left = UNANSWERED if this.again else UNRESOLVED
    if drawn.missing:
        return {"outcome": left, "reason": drawn.missing}
    people = {"labeled_by": ",".join(drawn.by), "annotators": {"labeled": list(drawn.by)}}
    verifiers = () if verdict is None else _names(this.verify, number, verdict)
    if verdict is None or set(verifiers) & set(drawn.by):
        failed = this.verify.results.reasons.get(number) or this.verify.ending
        nobody = failed or "nobody verified its label while its job was open"
        reason = nobody if verdict is None else "only who drew its label verified it"
        kept = {"boxes": drawn.boxes, "by": list(drawn.by), "at": drawn.at, "agreement": {}}
        more = {"labeled": kept} if this.again else {"boxes": drawn.boxes, "at": drawn.at, **people}
        return {"outcome": left, "reason": reason, **more}
    by = {**people, "verified_by": ",".join(verifiers), "at": _second(verdict), "boxes": drawn.boxes}
    if APPROVE in verdict.classes:
        parts = {"labeled": list(drawn.by), "verified": list(verifiers)}
        return {"outcome": APPROVED, **by, "annotators": parts}
    reason = "; ".join(verdict.comments) or "rejected, without a reason"
    by |= {"rejected": {"boxes": drawn.boxes, "reason": reason}, "rejections": image.get("rejections", 0) + 1}
    if this.is_last:
        return {"outcome": UNRESOLVED, "reason": f"rejected in the last round: {reason}", **by}
    return {"outcome": REJECTED, "reason": reason, **by}


def _names(job: Ended, number: int, label: Label) -> tuple[str, ...]:
    """Who answered; a vendor's workers may have no names, and stand behind their job."""
    named = dict.fromkeys(worker.name for worker in job.people.get(number, ()))
    return tuple(named) or (f"job:{label.job}",)


def _second(label: Label) -> str:
    return f"{label.made:%Y-%m-%dT%H:%M:%SZ}"


def _work(
    number: int, image: dict[str, Any], drawn: _Drawn, verdict: Label | None, this: Round
) -> dict[str, Any]:
    """The picture's history with this round's answers, and the seconds that all of it took."""
    history = list(image.get("history", []))
    label = this.label.results.labels.get(number)
    for job, given, what in ((this.label, label, "label"), (this.verify, verdict, None)):
        if given is None:
            continue
        said = {"boxes": drawn.boxes} if what else {"reason": "; ".join(given.comments)}
        known = job.people.get(number) or [Worker(f"job:{given.job}", None)]
        entry = {**said, "at": _second(given), "what": what or ",".join(given.classes)}
        history += [{**entry, "by": worker.name, "seconds": worker.seconds} for worker in known]
    told = [entry["seconds"] for entry in history if entry.get("seconds") is not None]
    return {"history": history, **({"seconds": round(sum(told))} if told else {})}
