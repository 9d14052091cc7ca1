import hashlib
import html.parser
import json
import re

import pytest

from local.demo import charts
from local.demo.details import Annotation, Details, Excluded, Failure, Link, Returned, Worker
from local.demo.gallery import inline, plate, worst_then_best
from local.demo.report import RunFiles, duration, render, short_arn, write_report
from local.demo.stations import stations
from local.demo.summary import Dataset, Device, Endpoint, Iam, Images, Model, Stage, Summary
from local.demo.synthetic import training_pictures

PACKAGE = "arn:aws:sagemaker:eu-west-1:000000000000:model-package/edgeline-tags/1"
EVIL = "<script>alert('a')</script>.jpg"


class Page(html.parser.HTMLParser):
    """What a browser would load and whether the tags close."""

    VOID = frozenset(("meta", "rect", "line", "br", "img", "image", "use", "path", "polyline"))

    def __init__(self, text):
        super().__init__()
        self.tags, self.references, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [value for name, value in attributes if name in ("src", "href") and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [value for name, value in attributes if name in ("src", "href") and value]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def folder(tmp_path):
    """A run that went through, with four test pictures and one that a device sent back."""
    predictions = []
    for part in ("test/images", "returned"):
        (tmp_path / part).mkdir(parents=True)
    for number, picture in enumerate(p for p in training_pictures(3, 40) if p.boxes):
        if number == 4:
            break
        content = picture.encoded()
        sha256 = hashlib.sha256(content).hexdigest()
        name = f"{sha256[:16]}.{picture.name[-3:]}"
        (tmp_path / "test" / "images" / name).write_bytes(content)
        found = (
            []
            if number == 1
            else [
                {"label": b.label, "score": 0.9 - number / 10, "box": [b.left, b.top, b.right, b.bottom]}
                for b in picture.boxes
            ]
        )
        predictions.append({
            "file": f"images/{name}", "sha256": sha256, "width": 450, "height": 300,
            "truth": [b.as_dict() for b in picture.boxes], "detections": found,
            "uri": f"s3://b/images/tags/{EVIL if number == 2 else picture.name}",
        })  # fmt: skip
    (tmp_path / "returned" / "back.jpg").write_bytes(
        (tmp_path / "test" / predictions[0]["file"]).read_bytes()
    )
    write(tmp_path, "predictions.json", predictions)
    write(tmp_path, "evaluation.json", evaluation())
    write(tmp_path, "manifest.json", manifest(predictions))
    summary().write(tmp_path / "summary.json")
    details().write(tmp_path / "details.json")
    return tmp_path


def write(folder, name, document):
    (folder / name).write_text(json.dumps(document))


def evaluation():
    points = [
        {"recall": r / 10, "precision": 1.0 if r < 8 else 0.0, "score": 0.9 - r / 10 if r < 8 else 0.0}
        for r in range(11)
    ]
    counts = {
        "ap50": 0.88,
        "ap50_95": 0.46,
        "boxes": 8,
        "true_positives": 6,
        "false_positives": 1,
        "false_negatives": 2,
    }
    return {
        "map50": 0.88, "map50_95": 0.46, "images": 4, "boxes": 8, "by_class": {"scratch": counts},
        "precision_recall": {"scratch": points}, "latency_ms": {"p50": 7.1, "p95": 9.9},
    }  # fmt: skip


def manifest(predictions):
    fields = {"split": "test", "group": "tag 1", "labeling_job": "job-1"}
    return {
        "images": [
            fields | {"uri": p["uri"], "sha256": p["sha256"], "boxes": p["truth"]} for p in predictions
        ]
    }


def summary(**changes):
    fields = {
        "seconds": 622.4,
        "stages": (Stage("Deploy", 31.6), Stage("Train", 402.7)),
        "images": Images(300, 298, 27, 2),
        "dataset": Dataset("s3://b/manifest.json", "9f" * 32, 196, 44, 58),
        "model": Model(PACKAGE, 0.88, 0.46, 0.6),
        "staging": Endpoint("edgeline-tags-staging", PACKAGE, 58, 11.3),
        "prod": Endpoint("edgeline-tags-prod", PACKAGE, 5, None),
        "devices": (
            Device("prod-1", "prod", "RUNNING", {"com.edgeline.model.tags": "1.0.1"}, PACKAGE, 12, 7.4, 1),
        ),
        "iam": Iam.of(
            {"calls_allowed": 9, "calls_denied": 2, "by_principal": {"deployer": {"allowed": 9, "denied": 2}}}
        ),
    }
    return Summary(**(fields | changes))


def details(**changes):
    fields = {
        "source": "300 synthetic tags",
        "seed": 7,
        "started": "2026-11-21 02:14 UTC",
        "classes": ("scratch",),
        "approved_by": "approver",
        "annotation": Annotation(3, 298, 27, 298, 27, 2),
        "chain": (Link("Device", "prod-1", {"status": "RUNNING"}),),
        "set_aside": (Excluded(EVIL, "the file is empty", "labeling"),),
        "returned": (
            Returned("prod-1", "s3://b/images/tags/returned/prod-1/back.jpg", "back.jpg", 0.2, 0.4),
        ),
        "notes": ("a.jpg: a box reaches 5 pixels over the edge and is clipped",),
    }
    return Details(**(fields | changes))


def test_the_page_needs_nothing_beside_it_and_is_well_formed(folder):
    text = write_report(folder).read_text()
    page = Page(text)

    assert page.open == []
    assert all(ref.startswith(("data:image/webp;base64,", "#p")) for ref in page.references)
    assert "script" not in page.tags
    assert "@import" not in text
    assert "url(" not in text
    assert [path.name for path in folder.glob(".report*")] == []


def test_the_pages_of_the_evidence_are_linked_where_there_are_any(folder):
    assert "Record of the release" not in write_report(folder).read_text()
    details(pages={"Record of the release": "release.html"}).write(folder / "details.json")
    text = write_report(folder).read_text()
    assert '<dt>Record of the release</dt><dd><a href="release.html">release.html</a></dd>' in text


def test_names_from_outside_are_text_and_never_markup(folder):
    text = write_report(folder).read_text()

    assert EVIL not in text
    assert "&lt;script&gt;" in text


def test_tells_the_outcome_the_numbers_and_the_chain(folder):
    text = visible(write_report(folder))

    for expected in (
        "From 300 pictures to 1 running device in 10 min 22 s", "seed 7", "0.880", "gate at 0.6",
        "6 min 43 s", "model-package/edgeline-tags/1", "the file is empty", "clipped", "1 picture came back",
        "2 were denied", "Every picture with its SHA-256", "back.jpg", "score 0.20 to 0.40", "deployer",
    ):  # fmt: skip
        assert expected in text


def test_who_labelled_what_is_told_and_what_of_it_by_hand(folder):
    ada, you = Worker("ada", False, 288, 0, 0, 280), Worker("you", True, 12, 3, 0, 11)
    details(workers=(ada, you)).write(folder / "details.json")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", render(RunFiles.read(folder))))
    assert "12 drawn by you , by hand, on the page; the others are simulated" in text
    assert "ada simulated 288 0 0 280 you by hand 12 3 0 11" in text


def test_shows_the_truth_beside_the_detections_the_worst_first(folder):
    text = write_report(folder).read_text()

    missed = len(json.loads((folder / "predictions.json").read_text())[1]["truth"])
    assert text.index('class="missed"') < text.index('class="hit"')
    assert text.count('class="missed" x=') == missed
    assert text.count("<image ") == text.count("<use ") == 4


def test_a_run_that_stopped_says_where_and_why(folder):
    for name in ("evaluation.json", "predictions.json", "manifest.json"):
        (folder / name).unlink()
    stopped = {"model": None, "staging": None, "prod": None, "devices": (), "dataset": None}
    summary(**stopped).write(folder / "summary.json")
    failure = Failure("Train", "training job edgeline-1: exit status 137", "give it more memory")
    details(failure=failure, chain=(), returned=(), approved_by=None).write(folder / "details.json")

    text = visible(write_report(folder))

    assert "The run stopped at “Train”" in text
    assert "exit status 137" in text
    assert "give it more memory" in text
    assert "How good the model is" not in text
    found = stations(*(json.loads((folder / f"{name}.json").read_text()) for name in ("summary", "details")))
    assert [station.state for station in found] == ["done", "done", "stopped", *["idle"] * 5]


def test_a_run_that_stopped_at_once_still_has_a_report(tmp_path):
    Summary(0.4).write(tmp_path / "summary.json")
    Details("a folder", 1, "now", failure=Failure("Read the pictures", "no picture")).write(
        tmp_path / "details.json"
    )

    assert "no picture" in visible(write_report(tmp_path))


def test_a_gate_that_said_no_stops_the_line_at_the_model():
    run = {"images": {"total": 9, "labeled": 9, "relabeled": 0, "quarantined": 0},
           "dataset": {"train": 5, "validation": 2, "test": 2},
           "model": {"package_arn": None, "map50": 0.4, "map50_95": 0.2, "threshold": 0.6}}  # fmt: skip
    found = stations(run, {"failure": {"stage": "Train"}})

    assert (found[3].state, found[3].figure, found[3].words) == ("stopped", "0.400", "mAP50 < 0.6")


def test_a_device_that_is_not_running_is_seen(folder):
    device = Device("prod-1", "prod", "BROKEN", {}, None, 0, None, 0)
    summary(devices=(device,)).write(folder / "summary.json")

    assert "▲ broken" in visible(write_report(folder))


def test_the_same_run_gives_the_same_page(folder):
    assert render(RunFiles.read(folder)) == render(RunFiles.read(folder))


def test_a_missing_test_picture_leaves_a_gap_and_no_error(folder):
    next((folder / "test" / "images").iterdir()).unlink()

    assert write_report(folder).read_text().count("<image ") == 3


def test_several_classes_are_named_on_the_pictures_and_drawn_apart(folder):
    two = evaluation()
    two["by_class"]["dent"] = two["by_class"]["scratch"]
    two["precision_recall"]["dent"] = two["precision_recall"]["scratch"]
    write(folder, "evaluation.json", two)

    text = write_report(folder).read_text()

    assert "scratch 0.90" in text
    assert 'class="c1"' in text


def test_worst_is_what_has_most_mistakes():
    truth = [{"label": "a", "left": 0, "top": 0, "width": 10, "height": 10}]
    good = {"label": "a", "score": 0.9, "box": [0, 0, 10, 10]}
    lines = {
        "false": [good, good | {"box": [50, 50, 60, 60]}],
        "good": [good],
        "bad": [good | {"box": [90, 90, 99, 99]}],
        "faint": [good | {"score": 0.1}],
    }
    plates = [
        plate(
            {
                "file": name,
                "uri": f"s3://b/{name}",
                "width": 99,
                "height": 99,
                "truth": truth,
                "detections": found,
            },
            0.25,
        )
        for name, found in lines.items()
    ]

    worst, best = worst_then_best(plates)

    assert [p.file for p in worst] == ["bad", "faint", "false"]
    assert [p.file for p in best] == ["good"]
    assert [p.verdict for p in worst] == [
        "0 of 1 found, 1 false",
        "0 of 1 found",
        "1 of 1 found, 1 false, fit 1.00",
    ]


def test_the_curve_ends_where_no_score_reaches_further():
    curve = charts.curves(evaluation(), 0.25)[0]

    assert curve.line.split()[-1] == f"{charts.x_of(0.7):.1f},{charts.y_of(0):.1f}"
    assert curve.operating_text == "at score 0.25: recall 0.60, precision 1.00"


def test_the_bars_of_the_timeline_lie_end_to_end():
    bars = charts.timeline([{"name": "a", "seconds": 1.0}, {"name": "b", "seconds": 3.0}], "b")

    assert [(bar.begin, bar.length, bar.failed) for bar in bars] == [(0, 25, False), (25, 75, True)]


def test_pictures_are_shown_small_and_a_broken_one_not_at_all(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")

    assert inline(tmp_path / "a.jpg") is None
    assert inline(tmp_path / "gone.jpg") is None


def test_how_times_and_names_are_written():
    assert [duration(seconds) for seconds in (0.44, 59.9, 61, 622.4, 7320)] == [
        "0.4 s",
        "59.9 s",
        "1 min 1 s",
        "10 min 22 s",
        "2 h 2 min",
    ]
    assert short_arn(PACKAGE) == "model-package/edgeline-tags/1"
    assert short_arn(None) == "none"


def visible(path):
    """The text of the page as a reader sees it."""
    text = re.sub(r"<style>.*?</style>", "", path.read_text(), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", "", text).split())
