"""What a page for the approver is made of: the version that waits, the one in prod, what changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.promotion.pages.mistakes import Compared, compare, judge, worst
from lambdas.promotion.pages.plates import Picture

OPERATING_SCORE = 0.25  # from which a detection counts, where an evaluation does not say
PICTURES = 12


@dataclass(frozen=True)
class Version:
    """One model package; its evaluation and predictions are on the test set of the version that waits.

    Documents that could not be had are empty.
    """

    number: int
    arn: str
    registered_at: str
    git_commit: str
    manifest_uri: str
    evaluation_uri: str = ""
    manifest: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    predictions: Sequence[Mapping[str, Any]] = ()

    @property
    def name(self) -> str:
        """How the pages call it."""
        return f"Version {self.number}"

    @property
    def operating_score(self) -> float:
        """The score from which its detections count."""
        return float(self.evaluation.get("operating_score") or OPERATING_SCORE)

    def pictures_by_split(self) -> Counter[str]:
        """How many pictures are in train, validation and test."""
        return Counter(image["split"] for image in listed(self.manifest))


@dataclass(frozen=True)
class Review:
    """A request for approval; `remark` says why there is nothing to compare with, where there is not."""

    model: str
    new: Version
    prod: Version | None
    remark: str
    page_uri: str
    pictures: Mapping[str, Picture] = field(default_factory=dict)

    @property
    def compared_with(self) -> Version | None:
        """The version in prod, where it was evaluated on the same pictures."""
        return self.prod if self.prod is not None and self.prod.evaluation else None

    def answers(self) -> list[Compared]:
        """Every test picture as both versions answered it."""
        old = self.compared_with
        new = [judge(one, self.new.operating_score) for one in self.new.predictions]
        prod = [judge(one, self.new.operating_score) for one in old.predictions] if old else None
        return compare(new, prod)


@dataclass(frozen=True)
class Changes:
    """What the data sets of two versions have in common, by the hashes of the pictures."""

    added: int
    removed: int
    relabeled: int
    tested_on_known: int  # pictures of the new test set that the version in prod was trained or tuned on


def changes(new: Mapping[str, Any], prod: Mapping[str, Any]) -> Changes:
    """Compare two dataset manifests."""
    now = {image["sha256"]: image for image in listed(new)}
    before = {image["sha256"]: image for image in listed(prod)}
    both = now.keys() & before.keys()
    return Changes(
        added=len(now.keys() - before.keys()),
        removed=len(before.keys() - now.keys()),
        relabeled=sum(_boxes(now[one]) != _boxes(before[one]) for one in both),
        tested_on_known=sum(
            now[one]["split"] == "test" and before[one]["split"] in ("train", "validation") for one in both
        ),
    )


def listed(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The pictures that a manifest describes."""
    return [image for image in manifest.get("images", ()) if isinstance(image, Mapping)]


def worst_files(review: Review) -> list[str]:
    """Name the pictures that the page shows, the most telling first."""
    worse, others = worst(review.answers(), PICTURES)
    return [pair.new.file for pair in (*worse, *others)]


def _boxes(image: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    names = ("label", "left", "top", "width", "height")
    return sorted(tuple(box.get(name) for name in names) for box in image.get("boxes", ()))
