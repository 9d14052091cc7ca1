"""Scores by size, beside pycocotools' own."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pipeline_defs.detection.answers import answers_report
from pipeline_defs.detection.scoring import PictureResult, Scored, Truth
from pipeline_defs.detection.sizes import RANGES, sizes_report

NAMES = ("small", "medium", "large")


def reference(results: list[PictureResult]) -> list[float]:
    """AP50 of small, medium and large objects of one class by pycocotools; -1 where there is none."""
    coco = COCO()
    truth = [(number, one.box) for number, result in enumerate(results, 1) for one in result.truth]
    coco.dataset = {
        "info": {},
        "images": [{"id": number} for number in range(1, len(results) + 1)],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": 1,
                "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                "area": (box[2] - box[0]) * (box[3] - box[1]),
                "iscrowd": 0,
            }
            for number, (image, box) in enumerate(truth, 1)
        ],
    }
    found = [
        {
            "image_id": number,
            "category_id": 1,
            "bbox": [one.box[0], one.box[1], one.box[2] - one.box[0], one.box[3] - one.box[1]],
            "score": one.score,
        }
        for number, result in enumerate(results, 1)
        for one in result.detections
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "bbox")
        evaluation.params.areaRng = [list(RANGES[name]) for name in NAMES]
        evaluation.params.areaRngLbl = list(NAMES)
        evaluation.params.maxDets = [100]
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.evaluate()
        evaluation.accumulate()
    return [float(evaluation.eval["precision"][0, :, 0, size, 0].mean()) for size in range(3)]


def random_results(seed: int) -> list[PictureResult]:
    rng = np.random.default_rng(seed)
    results = []
    for _ in range(rng.integers(1, 6)):
        truth, detections = [], []
        for _ in range(rng.integers(1, 6)):
            low = rng.uniform(0, 400, 2)
            side = rng.choice([12, 30, 34, 60, 94, 99, 150])
            box = np.concatenate((low, low + side * rng.uniform(0.9, 1.1, 2)))
            truth.append(Truth("a", tuple(box.tolist())))
            for _ in range(rng.integers(0, 3)):
                near = box + rng.normal(0, rng.choice([0, 2, 12]), 4)
                near[2:] = np.maximum(near[2:], near[:2] + 1)
                detections.append(Scored("a", float(rng.random()), tuple(near.tolist())))
        results.append(PictureResult(truth, detections))
    return results


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_average_precision_by_size_equals_pycocotools(seed: int) -> None:
    results = random_results(seed)
    if not any(result.detections for result in results):
        return
    report = sizes_report(results, [640] * len(results), ("a",), operating_score=0.25)
    for name, expected in zip(NAMES, reference(results), strict=True):
        found = report[name]["ap50"]
        assert (-1 if found is None else found) == pytest.approx(expected, abs=1e-9)


def square(side: float, at: float = 0) -> tuple[float, float, float, float]:
    return (at, at, at + side, at + side)


def test_sizes_are_of_the_picture_not_of_the_camera() -> None:
    """The same defect at twice the resolution is as large as before."""
    reports = []
    for scale in (1, 2):
        boxes = [square(31 * scale), square(33 * scale, 100 * scale), square(97 * scale, 300 * scale)]
        result = PictureResult([Truth("a", box) for box in boxes], [])
        reports.append(sizes_report([result], [640 * scale], ("a",), operating_score=0.25))
    assert reports[0] == reports[1]
    assert [reports[0][name]["boxes"] for name in NAMES] == [1, 1, 1]


def test_what_is_of_another_size_is_neither_missed_nor_a_false_alarm() -> None:
    truth = [Truth("a", square(20)), Truth("b", square(200, 300))]
    detections = [
        Scored("a", 0.9, square(20)),
        Scored("b", 0.8, square(200, 300)),
        Scored("b", 0.7, square(20, 100)),  # wrong, and small
    ]
    report = sizes_report([PictureResult(truth, detections)], [640], ("a", "b"), operating_score=0.25)
    counts = {
        name: tuple(report[name][key] for key in ("boxes", "true_positives", "false_positives"))
        for name in NAMES
    }
    assert counts == {"small": (1, 1, 1), "medium": (0, 0, 0), "large": (1, 1, 0)}
    assert report["medium"]["ap50"] is None


def test_answers_are_told_as_a_caller_sees_them() -> None:
    detections = [
        [Scored("a", 0.9, square(1)), Scored("a", 0.3, square(1))],
        [Scored("a", 0.5, square(1))],
        [Scored("a", 0.2, square(1))],
        [],
    ]
    assert answers_report(detections) == {"empty_share": 0.5, "mean_score": pytest.approx(0.7)}
    assert answers_report([[]]) == {"empty_share": 1.0, "mean_score": None}
