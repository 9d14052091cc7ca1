import math
from pathlib import Path

import numpy as np
import pytest
from tiny_classifier import INPUT_SIZE, LABELS, SHARPNESS, card, expects, write_tiny_classifier

from inference.classifier import Classifier, ClassifierCard
from inference.pictures import Picture
from inference.sessions import BadModel

FLAT = card().properties()


def coloured(red: int, green: int, blue: int, size: tuple[int, int] = (40, 60)) -> Picture:
    picture = np.empty((*size, 3), dtype=np.uint8)
    picture[:] = (red, green, blue)
    return picture


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier(write_tiny_classifier(tmp_path_factory.mktemp("model") / "model.onnx"))


def test_the_best_labels_come_first_with_their_scores(classifier: Classifier) -> None:
    found = classifier.best(coloured(0, 255, 51))
    exponents = [math.exp(SHARPNESS * value) for value in (0, 1, 0.2)]
    assert [label.label for label in found] == ["green", "blue", "red"]
    assert found[0].score == pytest.approx(exponents[1] / sum(exponents), abs=1e-5)
    assert sum(label.score for label in found) == pytest.approx(1.0)


def test_equal_scores_keep_the_order_of_the_labels(classifier: Classifier) -> None:
    assert [found.label for found in classifier.best(coloured(9, 9, 9))] == list(LABELS)
    assert len(classifier.best(coloured(9, 9, 9), count=2)) == 2


def test_the_centre_counts_and_not_the_border(classifier: Classifier) -> None:
    picture = coloured(255, 0, 0, (64, 64))
    picture[4:60, 4:60] = (0, 0, 255)
    assert classifier.best(picture)[0].label == "blue"


def test_what_a_card_says_is_read_back(tmp_path: Path) -> None:
    about = card(
        ("roses", "mushroom"),
        children={"roses": expects("rose-species", ("dog rose", "Kamtschatka-Röschen"))},
        min_score=0.35,
    )
    read = Classifier(write_tiny_classifier(tmp_path / "model.onnx", about)).card
    assert read == about
    assert read.children["roses"].model == "rose-species"


@pytest.mark.parametrize(
    "change",
    [
        {"task": "detection"},
        {"classes": "[]"},
        {"classes": "red"},
        {"input_size": "0"},
        {"min_score": "high"},
        {"label_map_sha256": "ab"},
        {"children": "[]"},
        {"children": '{"roses": {"model": "x"}}'},
        {"classes": '["red", "green"]'},
        {"input_size": str(INPUT_SIZE * 2)},
    ],
)
def test_a_file_that_is_no_classifier_is_refused(change: dict[str, str], tmp_path: Path) -> None:
    path = write_tiny_classifier(tmp_path / "model.onnx", metadata={**FLAT, **change})
    with pytest.raises(BadModel, match=r"model\.onnx: .*metadata"):
        Classifier(path)


@pytest.mark.parametrize("missing", ["task", "classes", "input_size", "min_score", "label_map_sha256"])
def test_a_missing_key_is_named(missing: str, tmp_path: Path) -> None:
    metadata = {name: value for name, value in FLAT.items() if name != missing}
    with pytest.raises(BadModel, match=missing):
        Classifier(write_tiny_classifier(tmp_path / "model.onnx", metadata=metadata))


def test_a_detectors_metadata_is_no_card() -> None:
    with pytest.raises(KeyError):
        ClassifierCard.read({"classes": '["scratch"]', "input_height": "32", "input_width": "64"})
