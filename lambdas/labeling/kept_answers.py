"""Every answer as it is kept, an item of its own, and what people did not want to answer."""

import json
from dataclasses import dataclass
from typing import Any

from lambdas.labeling.tasks import Kind, seconds_of


@dataclass(frozen=True)
class Answer:
    """What one person said about one picture; `suggestions`: how many they say they took, moved, deleted."""

    number: int
    image_number: int
    who: str
    at: str
    seconds: int | None
    kind: Kind
    answer: dict[str, Any]
    image_uri: str
    suggestions: dict[str, int] | None = None


@dataclass(frozen=True)
class Skip:
    """A task that somebody did not want to answer."""

    number: int
    who: str
    at: str
    reason: str


def answer_key(round_id: str, image_number: int, who: str) -> dict[str, str]:
    """The table key of somebody's answer about a picture."""
    return {"pk": f"ROUND#{round_id}", "sk": f"ANSWER#{image_number:06d}#{who}"}


def skip_key(round_id: str, number: int, who: str) -> dict[str, str]:
    """The table key of somebody's skipping of a task."""
    return {"pk": f"ROUND#{round_id}", "sk": f"SKIP#{number:06d}#{who}"}


def answer_of(item: dict[str, Any]) -> Answer:
    """The answer that an item of the table holds."""
    _, image_number, who = item["sk"].split("#", 2)
    return Answer(
        number=int(item["number"]),
        image_number=int(image_number),
        who=who,
        at=item["at"],
        seconds=seconds_of(item),
        kind=item["kind"],
        answer=json.loads(item["answer"]),
        image_uri=item["image_uri"],
        suggestions=json.loads(item["suggestions"]),
    )


def skip_of(item: dict[str, Any]) -> Skip:
    """The skipping that an item of the table holds."""
    _, number, who = item["sk"].split("#", 2)
    return Skip(int(number), who, item["at"], item["reason"])
