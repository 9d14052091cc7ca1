"""evaluate.py on test sides whose right answers are known by heart."""

import hashlib
import json
import re
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_classifier import card, expects, write_tiny_classifier
from tiny_test_side import Shown, jpeg, write_work

from pipeline_defs.classification.dataset import file_sha256
from pipeline_defs.classification.label_map import labels_sha256
from pipeline_defs.classification.recordio import Record, RecordWriter
from pipeline_defs.classification.scripts import evaluate
from pipeline_defs.classification.settings import ClassificationSettings
from pipeline_defs.common.job import JobError

FLAT = ClassificationSettings(
    name="colours",
    tree="colours",
    labels={"red": ("red",), "green": ("green",), "blue": ("blue",)},
    source="s3://images/images/colours/",
    input_size=28,
)
# The parent says warm, cool or (its own) blue by the strongest colour; the children say red or green alike.
PARENT = replace(
    FLAT,
    name="tree",
    tree="tree",
    labels={"warm": ("rose", "moss"), "cool": ("fern", "leaf"), "sky": ("sky",)},
    children={"warm": "warm", "cool": "cool"},
)


def arguments(work: Path, *more: str) -> list[str]:
    read = [f"--{name}={work / name}" for name in ("test", "dataset")]
    return [f"--settings={work / 'settings.json'}", *read, f"--output-dir={work / 'evaluation'}", *more]


def model_of(work: Path, settings: ClassificationSettings, name: str = "model", input_size: int = 28) -> Path:
    children = {group: expects(model, settings.labels[group]) for group, model in settings.children.items()}
    (work / name).mkdir(exist_ok=True)
    about = card(tuple(settings.labels), children=children, input_size=input_size)
    write_tiny_classifier(work / name / "model.onnx", about)
    return work / name


def evaluated(work: Path, *more: str) -> dict[str, Any]:
    evaluate.main(arguments(work, *more))
    report: dict[str, Any] = json.loads((work / "evaluation" / "evaluation.json").read_text())
    return report


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Four reds, one of them green to see; three greens; a blue."""
    shown = [
        *[Shown("red", "red")] * 3,
        Shown("red", "green", folder="forest", size=(100, 90)),
        *[Shown("green", "green")] * 3,
        Shown("blue", "blue", folder="forest"),
    ]
    write_work(tmp_path, FLAT, shown)
    model_of(tmp_path, FLAT)
    return tmp_path


def test_what_is_said_of_a_flat_model(flat: Path) -> None:
    report = evaluated(flat, f"--model-dir={flat / 'model'}", "--children=")
    assert (report["task"], report["images"], report["classes"]) == ("classification", 8, 3)
    assert report["top1"] == 7 / 8
    assert report["top5"] == 1.0
    assert report["confusion"] == {
        "labels": ["red", "green", "blue"],
        "matrix": [[3, 1, 0], [0, 3, 0], [0, 0, 1]],
    }
    assert report["by_class"]["red"] == {
        "precision": 1.0, "recall": 0.75, "f1": pytest.approx(6 / 7), "images": 4,
    }  # fmt: skip
    assert report["by_class"]["green"]["precision"] == 0.75
    assert report["macro_f1"] == pytest.approx((6 / 7 + 6 / 7 + 1) / 3)
    assert report["worst_pairs"] == [
        {
            "truth": "red",
            "said": "green",
            "count": 1,
            "files": ["s3://images/images/colours/forest/red/0003.jpg"],
        }
    ]
    assert report["routing"] is None
    assert report["answers"]["empty_share"] == 0.0
    assert report["requests"] == 8
    assert report["source"] == "model"
    assert report["dataset"]["as_of"] == "2026-11-21T12:00:00Z"


def test_the_gate_reads_a_small_file(flat: Path) -> None:
    report = evaluated(flat, f"--model-dir={flat / 'model'}")
    metrics = json.loads((flat / "evaluation" / "metrics.json").read_text())
    assert metrics == {key: report[key] for key in ("top1", "top5", "macro_f1", "images")}


def test_slices_name_what_the_model_is_weak_at(flat: Path) -> None:
    slices = evaluated(flat, f"--model-dir={flat / 'model'}")["slices"]
    assert slices["folder"] == [
        {"slice": "field", "images": 6, "top1": 1.0},
        {"slice": "forest", "images": 2, "top1": 0.5},
    ]
    assert slices["short side"][0] == {"slice": "below 128 px", "images": 1, "top1": 0.0}
    # All have one format: there is nothing to compare.
    assert "format" not in slices


def test_calibration_adds_up(flat: Path) -> None:
    calibration = evaluated(flat, f"--model-dir={flat / 'model'}")["calibration"]
    assert sum(each["count"] for each in calibration["bins"]) == 8
    assert calibration["ece"] == pytest.approx(
        sum(each["count"] / 8 * abs(each["accuracy"] - each["confidence"])
            for each in calibration["bins"] if each["count"])
    )  # fmt: skip


def test_below_the_least_score_counts_as_empty(flat: Path) -> None:
    settings = json.loads((flat / "settings.json").read_text())
    (flat / "settings.json").write_text(json.dumps({**settings, "min_score": 0.999}))
    answers = evaluated(flat, f"--model-dir={flat / 'model'}")["answers"]
    assert answers == {"empty_share": 1.0, "mean_score": None}


def test_each_picture_has_its_line(flat: Path) -> None:
    evaluated(flat, f"--model-dir={flat / 'model'}")
    rows = [json.loads(line) for line in (flat / "evaluation" / "predictions.jsonl").read_text().splitlines()]
    assert len(rows) == 8
    assert (rows[3]["truth"], rows[3]["labels"][0]["label"]) == ("red", "green")
    assert sum(found["score"] for found in rows[3]["labels"]) == pytest.approx(1.0, abs=1e-5)


def test_the_page_loads_nothing_and_names_the_mistake(flat: Path) -> None:
    evaluated(flat, f"--model-dir={flat / 'model'}")
    page = (flat / "evaluation" / "report.html").read_text()
    assert "<b>red</b> taken for <b>green</b>" in page
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!data:)|url\(|@import", page)
    assert page.count("data:image/jpeg;base64,") == 2  # the mistake, and what it was taken for


def test_names_are_text_and_no_html(tmp_path: Path) -> None:
    odd = replace(FLAT, labels={"<b>red": ("<b>red",), "green": ("green",), "blue": ("blue",)})
    write_work(tmp_path, odd, [Shown("<b>red", "green"), Shown("green", "green")])
    evaluated(tmp_path, f"--model-dir={model_of(tmp_path, odd)}")
    page = (tmp_path / "evaluation" / "report.html").read_text()
    assert "&lt;b&gt;red" in page
    assert "<b>red" not in page


def test_the_model_may_be_packed(flat: Path) -> None:
    with tarfile.open(flat / "model.tar.gz", "w:gz") as archive:
        archive.add(flat / "model" / "model.onnx", "./model.onnx")
    report = evaluated(flat, f"--model-dir={flat / 'model.tar.gz'}")
    assert report["model_sha256"] == hashlib.sha256((flat / "model.tar.gz").read_bytes()).hexdigest()


def write_children(work: Path, groups: dict[str, tuple[str, ...]]) -> str:
    children = []
    for group, classes in groups.items():
        child = replace(FLAT, name=group, labels={each: (each,) for each in classes})
        children.append(
            {
                "group": group,
                "model": group,
                "model_package_arn": f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/line-{group}/1",
                "model_data": str(model_of(work, child, group)),
            }
        )
    (work / "children.json").write_text(json.dumps({"children": children}))
    return f"--children={work / 'children.json'}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The parent sees red as warm, green as cool; so does each child see its first and second class."""
    shown = [
        *[Shown("rose", "red")] * 4,  # parent and child right
        Shown("moss", "red"),  # parent right, child wrong
        Shown("rose", "green"),  # parent wrong
        *[Shown("leaf", "green")] * 3,  # parent right, child right
        Shown("sky", "blue"),  # has no child
    ]
    write_work(tmp_path, PARENT, shown)
    model_of(tmp_path, PARENT)
    return tmp_path


CHILDREN = {"warm": ("rose", "moss"), "cool": ("fern", "leaf")}


def test_what_the_way_over_a_parent_costs(tree: Path) -> None:
    routing = evaluated(tree, f"--model-dir={tree / 'model'}", write_children(tree, CHILDREN))["routing"]
    assert routing["top1_end_to_end"] == 8 / 10
    # Of the rose that is green to see, its own child says moss: no parent could save it.
    assert routing["top1_perfect_parent"] == 8 / 10
    assert routing["cost"] == 0.0
    assert routing["by_group"]["warm"] == {
        "images": 6,
        "top1_end_to_end": 4 / 6,
        "top1_perfect_parent": 4 / 6,
        "cost": 0.0,
        "right_group": 5 / 6,
    }
    assert list(routing["by_group"]) == ["warm", "cool", "sky"]
    assert (routing["species"], routing["group"], routing["refused"]) == (1.0, 0.0, 0.0)
    assert routing["species_right"] == 8 / 10
    assert (routing["missing"], routing["left_out"]) == ([], 0)
    assert routing["children"][0]["model_package_arn"].endswith("model-package/line-warm/1")
    page = (tree / "evaluation" / "report.html").read_text()
    assert "What the route costs" in page


def test_a_parent_that_errs_costs_what_its_child_would_have_known(tree: Path, tmp_path: Path) -> None:
    # Here the child of the cool calls what is green to see by its second class, and so would the warm one.
    work = tmp_path / "other"
    shown = [Shown("moss", "green"), Shown("moss", "red"), Shown("leaf", "green")]
    write_work(work, PARENT, shown)
    model_of(work, PARENT)
    routing = evaluated(work, f"--model-dir={work / 'model'}", write_children(work, CHILDREN))["routing"]
    assert routing["top1_perfect_parent"] == pytest.approx(2 / 3)
    assert routing["top1_end_to_end"] == pytest.approx(1 / 3)
    assert routing["cost"] == pytest.approx(1 / 3)


def test_pictures_of_a_group_without_a_child_are_left_out_and_named(tree: Path) -> None:
    only = write_children(tree, {"warm": CHILDREN["warm"]})
    routing = evaluated(tree, f"--model-dir={tree / 'model'}", only)["routing"]
    assert (routing["missing"], routing["left_out"]) == (["cool"], 3)
    assert list(routing["by_group"]) == ["warm", "sky"]


def test_a_child_that_takes_larger_pictures_than_there_are_is_named(tree: Path) -> None:
    option = write_children(tree, CHILDREN)
    assert evaluated(tree, f"--model-dir={tree / 'model'}", option)["routing"]["enlarged"] == []
    child = replace(FLAT, name="cool", labels={"fern": ("fern",), "leaf": ("leaf",)})
    model_of(tree, child, "cool", input_size=56)
    assert evaluated(tree, f"--model-dir={tree / 'model'}", option)["routing"]["enlarged"] == ["cool"]
    page = (tree / "evaluation" / "report.html").read_text()
    assert "cool: asked with smaller pictures than in the application" in page


def test_without_children_nothing_is_said_of_routing(tree: Path) -> None:
    assert evaluated(tree, f"--model-dir={tree / 'model'}", "--children=")["routing"] is None


def test_a_child_with_other_labels_is_refused_before_anything_is_measured(tree: Path) -> None:
    swapped = write_children(tree, {"warm": ("moss", "rose")})
    with pytest.raises(JobError, match=r"its labels, moss, rose, are not those that are expected"):
        evaluated(tree, f"--model-dir={tree / 'model'}", swapped)
    assert not (tree / "evaluation").exists()


def test_another_parents_children_are_refused(flat: Path) -> None:
    with pytest.raises(JobError, match="warm: no group of colours"):
        evaluated(flat, f"--model-dir={flat / 'model'}", write_children(flat, {"warm": ("rose",)}))


def test_a_model_with_other_labels_is_refused(flat: Path) -> None:
    other = replace(FLAT, labels={"green": ("green",), "red": ("red",), "blue": ("blue",)})
    model_of(flat, other)
    with pytest.raises(JobError, match="its labels, green, red, blue, are not those that are expected"):
        evaluated(flat, f"--model-dir={flat / 'model'}")


def test_a_test_side_of_another_data_set_is_refused(flat: Path) -> None:
    path = flat / "test" / "label_map.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "dataset_sha256": labels_sha256(["x"])}))
    with pytest.raises(JobError, match="made from another data set"):
        evaluated(flat, f"--model-dir={flat / 'model'}")


def test_a_test_side_of_other_labels_is_refused(flat: Path) -> None:
    settings = json.loads((flat / "settings.json").read_text())
    settings["labels"] = {"red": ["red"], "blue": ["blue"], "green": ["green"]}
    (flat / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(JobError, match="its labels are red, green, blue, not those of the settings"):
        evaluated(flat, f"--model-dir={flat / 'model'}")


def test_records_of_other_classes_than_their_pictures_are_refused(flat: Path) -> None:
    with RecordWriter(flat / "test" / "test.rec") as records:
        for index in range(8):
            records.write(index, Record(2.0, index, jpeg("red", index)))
    with pytest.raises(JobError, match=r"record 0 is of class 2, its picture s3://.* of 'red': split"):
        evaluated(flat, f"--model-dir={flat / 'model'}")


def test_records_that_are_not_those_of_the_split_are_refused(flat: Path) -> None:
    samples = {"records": {"file": "test.rec", "sha256": file_sha256(flat / "test" / "test.rec")}}
    (flat / "test" / "labels.json").write_text(json.dumps(samples))
    evaluated(flat, f"--model-dir={flat / 'model'}")
    with (flat / "test" / "test.rec").open("r+b") as file:
        file.seek(400)
        file.write(bytes(20))
    with pytest.raises(JobError, match=r"test\.rec: not the file that labels\.json names"):
        evaluated(flat, f"--model-dir={flat / 'model'}")


def test_a_list_of_children_that_is_none_is_one_clear_line(tree: Path) -> None:
    (tree / "children.json").write_text("[]")
    with pytest.raises(JobError, match=r"children\.json: not a list of children"):
        evaluated(tree, f"--model-dir={tree / 'model'}", f"--children={tree / 'children.json'}")


def test_a_parent_with_one_child_has_one_label_and_its_child_decides(tmp_path: Path) -> None:
    alone = replace(PARENT, labels={"warm": ("rose", "moss")}, children={"warm": "warm"})
    write_work(tmp_path, alone, [Shown("rose", "red"), Shown("moss", "red")])
    model_of(tmp_path, alone)
    only = write_children(tmp_path, {"warm": CHILDREN["warm"]})
    report = evaluated(tmp_path, f"--model-dir={tmp_path / 'model'}", only)
    assert (report["top1"], report["worst_pairs"]) == (1.0, [])
    assert (report["routing"]["top1_end_to_end"], report["routing"]["cost"]) == (0.5, 0.0)
    assert "the right one of one label." in (tmp_path / "evaluation" / "report.html").read_text()
