import contextlib
import io
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pipeline_defs.detection.scoring import PictureResult, Scored, Truth, score_detections

CLASSES = ("a", "b", "never")


def reference(results: Sequence[PictureResult]) -> dict[str, tuple[float, float]]:
    """AP50 and AP50-95 of each class by pycocotools; -1 where a class has no object."""
    annotations, detections = [], []
    for image_id, result in enumerate(results, start=1):
        for truth in result.truth:
            annotations.append({"image_id": image_id, "label": truth.label, "box": truth.box})
        for found in result.detections:
            detections.append(
                {
                    "image_id": image_id,
                    "category_id": CLASSES.index(found.label) + 1,
                    "bbox": to_coco(found.box),
                    "score": found.score,
                }
            )
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": number + 1} for number in range(len(results))],
        "categories": [{"id": number + 1, "name": label} for number, label in enumerate(CLASSES)],
        "annotations": [
            {
                "id": number,
                "image_id": row["image_id"],
                "category_id": CLASSES.index(row["label"]) + 1,
                "bbox": to_coco(row["box"]),
                "area": 1.0,
                "iscrowd": 0,
            }
            for number, row in enumerate(annotations, start=1)
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(detections) if detections else COCO(), "bbox")
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]  # threshold, recall, class, area, detections
    return {
        label: (float(precision[0, :, number, 0, 0].mean()), float(precision[:, :, number, 0, 0].mean()))
        for number, label in enumerate(CLASSES)
    }


def to_coco(box: tuple[float, float, float, float]) -> list[float]:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def random_results(seed: int) -> list[PictureResult]:
    """Objects, and detections around them: moved, doubled, missed, invented, some with equal scores."""
    rng = np.random.default_rng(seed)
    results = []
    for _ in range(rng.integers(1, 8)):
        truth, detections = [], []
        for _ in range(rng.integers(0, 7)):
            low = rng.integers(0, 80, 2)
            box = np.concatenate((low, low + rng.integers(4, 40, 2))).astype(float)
            label = str(rng.choice(["a", "b"]))
            truth.append(Truth(label, tuple(box.tolist())))
            for _ in range(rng.integers(0, 4)):
                moved = box + rng.normal(0, rng.choice([0, 1, 4]), 4)
                moved[2:] = np.maximum(moved[2:], moved[:2] + 1)
                detections.append(Scored(label, round(float(rng.random()), 1), tuple(moved.tolist())))
        for _ in range(rng.integers(0, 130 if rng.random() < 0.1 else 4)):
            low = rng.uniform(0, 80, 2)
            invented = tuple(np.concatenate((low, low + rng.uniform(4, 40, 2))).tolist())
            detections.append(Scored(str(rng.choice(["a", "b"])), float(rng.random()), invented))
        results.append(PictureResult(truth, detections))
    return results


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_average_precision_equals_pycocotools(seed: int) -> None:
    results = random_results(seed)
    if not any(result.detections for result in results) or not any(result.truth for result in results):
        return
    score = score_detections(results, CLASSES, operating_score=0.5)
    for label, (ap50, ap50_95) in reference(results).items():
        of_class = score.by_class[label]
        if ap50 == -1:
            assert of_class.ap50 is None
        else:
            assert of_class.ap50 == pytest.approx(ap50, abs=1e-9)
            assert of_class.ap50_95 == pytest.approx(ap50_95, abs=1e-9)


def square(at: float, side: float = 10) -> tuple[float, float, float, float]:
    return (at, 0, at + side, side)


def test_counts_at_the_operating_score() -> None:
    result = PictureResult(
        truth=[Truth("a", square(0)), Truth("a", square(100)), Truth("a", square(200))],
        detections=[
            Scored("a", 0.9, square(0)),
            Scored("a", 0.8, square(1)),  # the same object again
            Scored("a", 0.5, square(100)),
            Scored("a", 0.4, square(200)),  # under the operating score
            Scored("b", 0.9, square(200)),
        ],
    )
    of_class = score_detections([result], CLASSES, operating_score=0.5).by_class["a"]
    assert (of_class.boxes, of_class.true_positives) == (3, 2)
    assert (of_class.false_positives, of_class.false_negatives) == (1, 1)


def test_the_means_are_over_classes_with_objects() -> None:
    result = PictureResult(
        [Truth("a", square(0))], [Scored("a", 0.9, square(0)), Scored("b", 0.9, square(0))]
    )
    score = score_detections([result], CLASSES, operating_score=0.5)
    assert score.map50 == score.map50_95 == 1.0
    assert score.by_class["b"].ap50 is None
    assert score.by_class["b"].false_positives == 1


def test_the_curve_falls_to_0_where_no_detection_reaches() -> None:
    result = PictureResult([Truth("a", square(0)), Truth("a", square(100))], [Scored("a", 0.7, square(0))])
    curve = score_detections([result], ["a"], operating_score=0.5).by_class["a"].curve
    assert len(curve) == 101
    assert [(point.precision, point.score) for point in curve[:51]] == [(1.0, 0.7)] * 51
    assert [(point.precision, point.score) for point in curve[51:]] == [(0.0, 0.0)] * 50


def test_no_picture_scores_0() -> None:
    score = score_detections([], ["a"], operating_score=0.5)
    assert (score.map50, score.map50_95) == (0.0, 0.0)
