from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inference.detector import Detector
from inference.sessions import BadModel


@pytest.fixture(scope="module")
def detector(tiny_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return Detector(tiny_model(tmp_path_factory.mktemp("model") / "model.onnx"))


def test_metadata_is_read_from_the_model(detector: Detector) -> None:
    assert detector.classes == ("bright", "dim")
    assert (detector.input_height, detector.input_width) == (32, 64)
    assert detector.dataset_sha256 == "ab" * 32


def test_a_bright_spot_is_found_in_the_pixels_of_the_picture(detector: Detector) -> None:
    picture = np.zeros((64, 128, 3), dtype=np.uint8)  # twice the input: no bars
    picture[32:64, 96:128] = 255
    best = detector.detect(picture, min_score=0.25)
    assert [found.label for found in best] == ["bright"]
    assert best[0].score == pytest.approx(1.0, abs=0.05)
    assert best[0].box == pytest.approx((96, 32, 128, 64))


def test_a_lower_score_shows_the_other_class(detector: Detector) -> None:
    picture = np.full((64, 128, 3), 255, dtype=np.uint8)
    labels = [found.label for found in detector.detect(picture, min_score=0.05)]
    assert labels == ["bright"] * 8 + ["dim"] * 8


def test_boxes_are_cut_at_the_picture(detector: Detector) -> None:
    picture = np.full((10, 64, 3), 255, dtype=np.uint8)  # bars above and below
    detections = detector.detect(picture, min_score=0.3)
    assert detections
    for found in detections:
        left, top, right, bottom = found.box
        assert 0 <= left < right <= 64
        assert 0 <= top < bottom <= 10


def test_a_missing_a_foreign_and_a_nameless_model_are_refused(
    tmp_path: Path, tiny_model: Callable[..., Path]
) -> None:
    with pytest.raises(BadModel, match="no such file"):
        Detector(tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("not a model")
    with pytest.raises(BadModel, match="cannot load"):
        Detector(tmp_path / "text.onnx")
    with pytest.raises(BadModel, match="metadata"):
        Detector(tiny_model(tmp_path / "bare.onnx", metadata={"classes": "[]"}))
