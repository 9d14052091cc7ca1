"""What the approver's page says of a model that names what a picture shows."""

from collections.abc import Mapping
from typing import Any

from lambdas.promotion.pages import decide
from lambdas.promotion.pages.document import code, section, sheet, soft, table
from lambdas.promotion.pages.markup import Content, Markup, element
from lambdas.promotion.pages.numbers import count, difference, milliseconds, number, of, score
from lambdas.promotion.pages.review import Review

_NOISE = 0.1  # so much do the latencies of one model differ from job to job
_WORST_PAIRS = 12
_MOST_LABELS = 200  # rows of a page that is still read
_OF_A_LABEL = {"precision": "Precision", "recall": "Recall", "f1": "F1"}


def key_numbers(review: Review) -> Markup:
    """The few numbers that a decision begins with."""
    new, old = review.new.evaluation, _old(review)
    latency, latency_old = new.get("latency_ms") or {}, old.get("latency_ms") or {}
    wrong, pictures = new.get("calibration") or {}, of(int(new.get("images") or 0), "picture")
    apart = difference(latency.get("p50"), latency_old.get("p50"), better="lower", digits=1, noise=_NOISE)
    numbers = [
        number("Top-1", score(new.get("top1")), _apart(new, old, "top1"), f"of {pictures}"),
        number("Top-5", score(new.get("top5")), _apart(new, old, "top5")),
        number("Macro F1", score(new.get("macro_f1")), _apart(new, old, "macro_f1")),
        number(
            "Calibration error",
            score(wrong.get("ece")),
            difference(wrong.get("ece"), (old.get("calibration") or {}).get("ece"), better="lower"),
            "how far its scores are from its accuracy",
        ),
        number(
            "Latency in the job",
            milliseconds(latency.get("p50")),
            apart,
            f"95 in 100 within {milliseconds(latency.get('p95'))}",
        ),
    ]
    return element("dl", *numbers, class_="sheet numbers")


def quality(review: Review) -> Markup | None:
    """The metrics by label."""
    new, before = review.new.evaluation, _old(review).get("by_class") or {}
    by_class: Mapping[str, Mapping[str, Any]] = new.get("by_class") or {}
    if not by_class:
        return None
    worst_first = sorted(by_class, key=lambda name: (by_class[name].get("f1") or 0.0, name))
    rows = [
        [name, count(by_class[name].get("images")), *_cells(by_class[name], before.get(name) or {})]
        for name in worst_first[:_MOST_LABELS]
    ]
    left_out = len(by_class) - len(rows)
    said = f"{of(len(by_class), 'label')}, the worst first, on the frozen test set, which training never saw."
    if left_out:
        said += f" {left_out} better ones are in the report only."
    headings = ["By label", "Pictures", *_OF_A_LABEL.values()]
    return section("quality", "How good it is", soft(said), sheet(table("By label", headings, rows)))


def routing(review: Review) -> Markup | None:
    """What the way over a parent to its children costs, where it was measured."""
    found = review.new.evaluation.get("routing")
    if not found:
        return None
    rows: list[list[Content]] = [
        ["Picture to species", score(found.get("top1_end_to_end"))],
        ["If the parent never erred", score(found.get("top1_perfect_parent"))],
        ["What its errors cost", score(found.get("cost"))],
    ]
    rows += [[f"Answered with {word}", score(found.get(key))] for key, word in _LEVELS.items()]
    children = [
        element(
            "li", f"{child.get('model')}: ", code(str(child.get("model_package_arn") or "not registered"))
        )
        for child in found.get("children") or ()
    ]
    return section(
        "routing",
        "With its children",
        soft("The parent's own metrics end at the group. These are of parent and children together."),
        sheet(table("Routing", ["Routing", "Share"], rows), element("ul", *children)),
    )


_LEVELS = {"species": "a species", "group": "a group only", "refused": "nothing, since unsure"}


def mistakes(review: Review) -> Markup:
    """The pairs of labels that are taken for one another most often."""
    pairs = (review.new.evaluation.get("worst_pairs") or ())[:_WORST_PAIRS]
    rows: list[list[Content]] = [
        [f"{pair['truth']} taken for {pair['said']}", count(pair.get("count"))] for pair in pairs
    ]
    folder = review.new.evaluation_uri.rpartition("/")[0]
    shown = element("pre", code(decide.read(f"{folder}/report.html"))) if folder else None
    if not rows:
        return section("mistakes", "The worst mistakes", soft("It made none on the test set."))
    return section(
        "mistakes",
        "The worst mistakes",
        soft("The training's report shows these as pictures:"),
        shown,
        sheet(table("Confused", ["Confused", "Pictures"], rows)),
    )


def pictures(manifest: Mapping[str, Any]) -> str | None:
    """How many pictures a manifest describes that lists them in a file of its own."""
    images = manifest.get("images")
    if not isinstance(images, Mapping):
        return None
    aside = (manifest.get("quarantine") or {}).get("count")
    said = of(int(images.get("count") or 0), "picture")
    return f"{said}, {aside} more set aside, with the reasons beside the manifest" if aside else said


def pictures_before(new: Mapping[str, Any], old: Mapping[str, Any]) -> str | None:
    """How many pictures two manifests describe."""
    now, before = pictures(new), pictures(old)
    return f"{now}, before {before}" if now and before else None


def labels_before(new: Mapping[str, Any], old: Mapping[str, Any]) -> str | None:
    """Which labels came and went between two evaluations."""
    now, before = (set((one.get("confusion") or {}).get("labels") or ()) for one in (new, old))
    if not now or not before:
        return None
    changes = [("new", now - before), ("no longer there", before - now)]
    said = [f"{word}: {', '.join(sorted(names))}" for word, names in changes if names]
    return "; ".join(said) or "the same"


def _old(review: Review) -> Mapping[str, Any]:
    return review.compared_with.evaluation if review.compared_with else {}


def _apart(new: Mapping[str, Any], old: Mapping[str, Any], key: str) -> Markup:
    return difference(new.get(key), old.get(key), better="higher")


def _cells(row: Mapping[str, Any], before: Mapping[str, Any]) -> list[Content]:
    return [[score(row.get(key)), _apart(row, before, key)] for key in _OF_A_LABEL]
