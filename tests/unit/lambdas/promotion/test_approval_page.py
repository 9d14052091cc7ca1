"""The page for the person who approves: what it says, and what it must never do."""

import copy
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from lambdas.promotion.pages import decide
from lambdas.promotion.pages.approval import approval_page
from lambdas.promotion.pages.plates import Picture
from lambdas.promotion.pages.review import Review, Version, changes, worst_files

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-tags"
EVIL = '"><script>alert(1)</script>'
DATA = "data:image/png;base64,AAAA"


def truth(label: str, left: float) -> dict[str, Any]:
    return {"label": label, "left": left, "top": 10, "width": 20, "height": 20}


def found(label: str, score: float, left: float) -> dict[str, Any]:
    return {"label": label, "score": score, "box": [left, 10, left + 20, 30]}


def prediction(name: str, truths: list[Any], detections: list[Any]) -> dict[str, Any]:
    size = {"width": 100, "height": 60}
    return {
        "file": f"images/{name}",
        "uri": f"s3://i/{name}",
        **size,
        "truth": truths,
        "detections": detections,
    }


def row(score: float | None = 0.5, boxes: int = 2) -> dict[str, Any]:
    counts = {"true_positives": 1, "false_positives": 1, "false_negatives": 1}
    return {"ap50": score, "ap50_95": score, "boxes": boxes, **counts}


def evaluation(map50: float, *classes: str) -> dict[str, Any]:
    curve = [{"recall": step / 100, "precision": map50, "score": 0.9} for step in range(101)]
    return {
        "map50": map50,
        "map50_95": map50 / 2,
        "images": 2,
        "boxes": 2,
        "by_class": {label: row() for label in classes},
        "precision_recall": dict.fromkeys(classes, curve),
        "latency_ms": {"p50": 4.0, "p95": 6.0},
    }


def version(number: int, map50: float, *classes: str, **more: Any) -> Version:
    images = [{"sha256": f"{number}{i}", "split": "train", "boxes": []} for i in range(number)]
    images.append({"sha256": "shared", "split": "test", "boxes": []})
    manifest = {"sha256": "abc", "as_of": "2026-11-21T03:15:28Z", "images": images}
    label = classes[0] if classes else "scratch"
    wrong = prediction(
        "a.png", [truth(label, 5), truth(label, 50)], [found(label, 0.9, 5), found(label, 0.8, 75)]
    )
    right = prediction("b.png", [truth(label, 5)], [found(label, 0.7, 6)])
    made = {
        "number": number,
        "arn": f"{ARN}/{number}",
        "registered_at": "2026-11-21 08:41 UTC",
        "git_commit": f"c0ffee{number}",
        "manifest_uri": "s3://b/manifest.json",
        "manifest": manifest,
        "evaluation": evaluation(map50, *(classes or ("scratch",))),
        "predictions": [wrong, right],
    }
    return Version(**{**made, **more})


def review(new: Version, prod: Version | None = None, remark: str = "", **more: Any) -> Review:
    pictures = {name: Picture(name, DATA) for name in ("images/a.png", "images/b.png")}
    made: dict[str, Any] = {"page_uri": "s3://b/releases/tags/7/approval.html", "pictures": pictures}
    return Review("tags", new, prod, remark, **{**made, **more})


class Tags(HTMLParser):
    """What elements a page has, and whether they are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


def test_the_page_needs_nothing_beside_it_and_nothing_in_it_runs() -> None:
    page = approval_page(review(version(7, 0.8), version(5, 0.7)))
    tags = Tags(page)
    assert tags.open == []
    (policy,) = [m["content"] for m in tags.named("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert not {"script", "iframe", "object", "form", "link", "img"} & {tag for tag, _ in tags.seen}
    assert not [name for _, attributes in tags.seen for name in attributes if name.startswith("on")]
    assert not [1 for _, attributes in tags.seen if "style" in attributes], "the policy would refuse it"
    links = [a.get("href") or "" for tag, a in tags.seen if "href" in a]
    assert all(link.startswith(("#", "data:image/")) for link in links)


def test_every_id_is_there_once_and_every_reference_leads_somewhere() -> None:
    tags = Tags(approval_page(review(version(7, 0.8), version(5, 0.7))))
    ids = [str(attributes["id"]) for _, attributes in tags.seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [str(a["href"])[1:] for _, a in tags.seen if str(a.get("href", "")).startswith("#")]
    labels = [str(a["aria-labelledby"]) for _, a in tags.seen if "aria-labelledby" in a]
    assert set(links) | set(labels) <= set(ids)


def test_whatever_comes_from_outside_is_escaped() -> None:
    new = version(7, 0.8, EVIL, git_commit=EVIL, manifest_uri=EVIL, registered_at=EVIL)
    picture = {"images/a.png": Picture(EVIL, None, EVIL)}
    page = approval_page(review(new, None, EVIL, page_uri=EVIL, pictures=picture))
    assert "<script" not in page
    assert EVIL not in page
    assert "&quot;&gt;&lt;script&gt;" in page
    assert Tags(page).open == []


def test_it_says_how_the_version_compares() -> None:
    page = approval_page(review(version(7, 0.8), version(5, 0.7)))
    assert "mAP50 is 0.800, higher than 0.700 of version 5 in prod on the same pictures." in page
    assert "▲ +0.100" in page
    assert "c0ffee5" in page
    assert "7 new, 5 no longer there, 0 with other boxes" in page


def test_a_worse_version_is_not_called_better() -> None:
    page = approval_page(review(version(7, 0.6), version(5, 0.7)))
    assert "lower than 0.700" in page
    assert re.search(r". .0\.100 <span class=\"word\">worse", page)


def test_the_commands_decide_about_exactly_this_package() -> None:
    page = approval_page(review(version(7, 0.8)))
    assert f"--region eu-west-1 --model-package-arn {ARN}/7 --model-approval-status Approved" in page
    assert f"--region eu-west-1 --model-package-arn {ARN}/7 --model-approval-status Rejected" in page
    assert "'it'\"'\"'s'" in decide.decision(ARN, "Approved", "it's")


def test_mistakes_are_shown_beside_the_truth_and_prods_answer_where_it_differs() -> None:
    prod = version(5, 0.7)
    predictions = copy.deepcopy(list(prod.predictions))
    predictions[0]["detections"] = [found("scratch", 0.6, 5), found("scratch", 0.6, 50)]
    page = approval_page(review(version(7, 0.8), version(5, 0.7, predictions=predictions)))
    assert "Where version 5 does better" in page
    assert "1 found, 1 missed, 1 false" in page
    assert "all 2 found" in page
    assert page.count(f'href="{DATA}"') == 1, "a picture is embedded once, however often it is shown"
    assert page.count('<use href="#picture-1"/>') == 2


def test_no_mistake_is_a_page_too() -> None:
    right = prediction("b.png", [truth("scratch", 5)], [found("scratch", 0.7, 6)])
    page = approval_page(review(version(7, 1.0, predictions=[right])))
    assert "No mistake on 1 picture." in page
    assert '<figure class="sheet plate">' not in page


def test_several_classes_are_named_on_the_pictures_and_one_is_not() -> None:
    one, two = (
        approval_page(review(version(7, 0.8, *classes))) for classes in (("scratch",), ("scratch", "dent"))
    )
    assert ">missed</text>" in one
    assert ">missed scratch</text>" in two


@pytest.mark.parametrize(
    "missing", ["by_class", "precision_recall", "latency_ms", "images", "boxes", "map50"]
)
def test_an_older_evaluation_that_lacks_something_is_shown_without_it(missing: str) -> None:
    new, prod = version(7, 0.8), version(5, 0.7)
    lacking = {key: value for key, value in new.evaluation.items() if key != missing}
    page = approval_page(review(version(7, 0.8, evaluation=lacking), prod))
    assert Tags(page).open == []
    assert "By size" not in page


def test_sizes_are_shown_in_their_order_with_what_they_mean() -> None:
    bounds = {"longer_side": 640, "small_below_area": 32**2, "large_from_area": 96**2}
    sizes = {"bounds": bounds, "large": row(None, 0), "medium": row(), "small": row()}
    page = approval_page(review(version(7, 0.8, evaluation={**evaluation(0.8, "scratch"), "by_size": sizes})))
    assert page.index(">small</th>") < page.index(">medium</th>") < page.index(">large</th>")
    assert "less than 32 by 32 pixels in a picture scaled to 640" in page


def test_without_predictions_or_manifest_of_prod_there_is_a_page() -> None:
    prod = version(5, 0.7, predictions=[], manifest={}, evaluation={})
    page = approval_page(
        review(version(7, 0.8, predictions=[]), prod, "The comparison failed: it was too slow")
    )
    assert "The comparison failed: it was too slow" in page
    assert "There are no predictions to show." in page
    assert "the manifest of one of them could not be read" in page


def test_manifests_without_pictures_are_compared_too() -> None:
    bare: dict[str, Any] = {"manifest": {"sha256": "abc"}}
    page = approval_page(review(version(7, 0.8, **bare), version(5, 0.7, **bare)))
    assert "0 pictures, before 0" in page


def test_a_test_set_that_prod_has_learned_from_is_pointed_out() -> None:
    known = version(5, 0.7)
    manifest = {**known.manifest, "images": [{"sha256": "shared", "split": "train", "boxes": []}]}
    page = approval_page(review(version(7, 0.8), version(5, 0.7, manifest=manifest)))
    assert "Version 5 was trained or chosen with 1 picture of this test set" in page


def test_other_boxes_on_a_known_picture_are_a_change() -> None:
    image = {"sha256": "a", "split": "train", "boxes": [truth("scratch", 5)]}
    other = {**image, "boxes": [truth("scratch", 6)]}
    assert changes({"images": [image]}, {"images": [other]}).relabeled == 1
    assert changes({"images": [image]}, {"images": [image]}).relabeled == 0


def test_at_most_a_dozen_pictures_are_shown() -> None:
    wrong = [prediction(f"{n}.png", [truth("scratch", 5)], []) for n in range(40)]
    assert len(worst_files(review(version(7, 0.1, predictions=wrong)))) == 12


def test_an_object_and_what_it_was_taken_for_are_told_apart() -> None:
    confused = prediction("a.png", [truth("scratch", 5)], [found("dent", 0.9, 5)])
    page = approval_page(review(version(7, 0.8, "scratch", "dent", predictions=[confused])))
    assert ">scratch, confused</text>" in page
    assert ">taken for dent 0.90</text>" in page
