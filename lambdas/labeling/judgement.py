"""What becomes of each picture after a round: the rules, without the table and the lists.

outcome      what happens to it
APPROVED     a label, verified by somebody who drew none of it and may have mended it, or settled
UNUSABLE     set aside: people said so
REJECTED     labelled again, in the next round of this execution
UNANSWERED   in the next round too: what nobody labelled is offered again, what nobody verified keeps its
             label and is verified again
DISPUTED     a supervisor settles it: rejected twice, or several people without a majority
UNRESOLVED   free: the next execution takes it
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.labeling.drawn_labels import Drawn, entry_of
from lambdas.labeling.rounds import Answer

APPROVED, UNUSABLE, UNRESOLVED = "approved", "unusable", "unresolved"
REJECTED, UNANSWERED, DISPUTED = "rejected", "unanswered", "disputed"
GOES_ON = (REJECTED, UNANSWERED, DISPUTED)

_REJECTIONS = 2  # as many and a supervisor has the last word
_OF_THE_IMAGE = (
    "uri", "sha256", "width", "height", "depth", "object_group", "rejected", "rejections", "history",
)  # fmt: skip
_AGREEMENT = ("agreement", "mean_iou", "unmatched_share")


@dataclass(frozen=True)
class Judge:
    """Judges the pictures of one round.

    `again`: whether what is not answered may have another round: there is one, and somebody was at work in
    this one. `verified` are the verify round's answers and `skipped` what everybody skipped in it, by the
    number of the picture.
    """

    number: int
    is_last: bool
    again: bool
    verified: Mapping[int, Answer]
    skipped: Mapping[int, list[dict[str, Any]]]

    def outcomes(self, drawn: Iterable[tuple[int, dict[str, Any], Drawn]]) -> Iterator[dict[str, Any]]:
        """Each image with `outcome`, `round`, `history`, `seconds` and what belongs to the outcome."""
        for number, image, label in drawn:
            verdict, skipped = self.verified.get(number), self.skipped.get(number, [])
            history = [*image.get("history", []), *label.history, *skipped]
            if verdict is not None:
                history.append(entry_of(verdict))
            known = {**_image(image), "history": history, "round": self.number, **worked(history)}
            yield {**known, **self._outcome(known, label, verdict, bool(skipped))}

    def _outcome(
        self, image: dict[str, Any], label: Drawn, verdict: Answer | None, skipped: bool
    ) -> dict[str, Any]:
        if label.boxes is None:
            return self._without_label(label)
        if verdict is None:
            return self._unverified(label, skipped)
        if "unusable" in verdict.answer:  # the picture is gone
            return _settled(image, verdict)
        return self._verified(image, label, label.boxes, verdict)

    def _without_label(self, label: Drawn) -> dict[str, Any]:
        if label.unusable is not None:
            return {"outcome": UNUSABLE, "reason": f"unusable: {label.unusable}", **_drawn_by(label)}
        if label.disputed:
            return {"outcome": DISPUTED, "reason": label.disputed, **label.agreement}
        reason = "nobody labelled it while the round was open"
        return {"outcome": UNANSWERED if self.again else UNRESOLVED, "reason": reason}

    def _unverified(self, label: Drawn, skipped: bool) -> dict[str, Any]:
        if skipped:
            reason = "everybody skipped its verification"
            return {"outcome": DISPUTED, "reason": reason, "boxes": label.boxes, **_drawn_by(label)}
        reason = "nobody verified its label while the round was open"
        if not self.again:
            return {"outcome": UNRESOLVED, "reason": reason, "boxes": label.boxes, **_drawn_by(label)}
        kept = {"boxes": label.boxes, "by": label.by, "at": label.at, "agreement": dict(label.agreement)}
        return {"outcome": UNANSWERED, "reason": reason, "labeled": kept}

    def _verified(
        self, image: dict[str, Any], label: Drawn, boxes: list[dict[str, Any]], verdict: Answer
    ) -> dict[str, Any]:
        by = {**_drawn_by(label), "verified_by": verdict.who, "at": verdict.at}
        if verdict.answer["verdict"] != "reject":
            mended = verdict.answer["verdict"] == "mend"
            parts = {**by["annotators"], "mended" if mended else "verified": [verdict.who]}
            boxes = verdict.answer["boxes"] if mended else boxes
            return {"outcome": APPROVED, **by, "boxes": boxes, "annotators": parts}
        times, reason = image.get("rejections", 0) + 1, verdict.answer["reason"]
        rejected = {"rejections": times, "rejected": {"boxes": boxes, "reason": reason}}
        by |= {"boxes": boxes, **rejected}
        if times >= _REJECTIONS:
            return {"outcome": DISPUTED, "reason": f"rejected {times} times: {reason}", **by}
        if self.is_last:
            return {"outcome": UNRESOLVED, "reason": f"rejected in the last round: {reason}", **by}
        return {"outcome": REJECTED, "reason": reason, **by}


def for_next_round(outcomes: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rejected and the unanswered images as the next round's list."""
    for outcome in outcomes:
        if outcome["outcome"] in (REJECTED, UNANSWERED):
            kept = {"labeled": outcome["labeled"]} if "labeled" in outcome else {}
            yield {**_image(outcome), **kept}


def settled(
    disputed: Iterable[dict[str, Any]], decisions: Mapping[int, Answer], *, number: int
) -> Iterator[dict[str, Any]]:
    """The disputed images after the settle round, in which a supervisor had the last word."""
    for place, image in enumerate(disputed, start=1):
        decision = decisions.get(place)
        history = [*image["history"], *([] if decision is None else [entry_of(decision)])]
        known = {**_image(image), "history": history, "round": number, **worked(history)}
        known |= {name: image[name] for name in _AGREEMENT if name in image}
        if decision is None:
            yield {**known, "outcome": UNRESOLVED, "reason": f"no supervisor settled it: {image['reason']}"}
        else:
            yield {**known, **_settled(known, decision)}


def worked(history: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The seconds that people said they worked on a picture; nothing where nobody said."""
    told = [entry["seconds"] for entry in history if entry["seconds"] is not None]
    return {"seconds": round(sum(told))} if told else {}


def _image(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _OF_THE_IMAGE if name in row}


def _drawn_by(label: Drawn) -> dict[str, Any]:
    """Who drew a label and when, and how far they agreed if they were several."""
    parts = {"labeled": [name for name in label.by if name]}
    return {"labeled_by": ",".join(label.by), "annotators": parts, "at": label.at, **label.agreement}


def _settled(image: dict[str, Any], decision: Answer) -> dict[str, Any]:
    """The last word: a supervisor's, or nobody's about a picture that is gone."""
    drew = sorted({entry["by"] for entry in image["history"] if entry["what"] == "label"} - {""})
    parts = {"labeled": drew, "settled": [decision.who] if decision.who else []}
    by = {"labeled_by": ",".join(drew) or decision.who, "verified_by": decision.who, "annotators": parts}
    if "unusable" in decision.answer:
        reason = f"unusable: {decision.answer['unusable']}"
        return {"outcome": UNUSABLE, "reason": reason, **by, "at": decision.at}
    return {"outcome": APPROVED, "boxes": decision.answer["boxes"], **by, "at": decision.at}
