import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from tiny_sides import (
    COLOURS,
    DATASET_SHA256,
    SIZE,
    arguments,
    draw,
    model_bytes,
    tiny_parent,
    tiny_settings,
    write_settings,
    write_side,
)

from inference.classifier import Classifier, ClassifierCard
from inference.pictures import decode
from pipeline_defs.classification import export
from pipeline_defs.classification.export import export_onnx
from pipeline_defs.classification.label_map import label_map_from, labels_sha256
from pipeline_defs.classification.network import CompactClassifier, LabelScores
from pipeline_defs.classification.recordio import Record, RecordWriter
from pipeline_defs.classification.scripts import train
from pipeline_defs.common.job import JobError


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with settings, two sides, and a model trained on them by the script."""
    folder = tmp_path_factory.mktemp("run")
    write_settings(folder, tiny_settings())
    write_side(folder / "train", {"red": 12, "green": 12, "blue": 12})
    write_side(folder / "validation", {"red": 4, "green": 3, "blue": 3})
    train.main(arguments(folder, "model", "--epochs=6", "--learning-rate=0.01"))
    return folder


def test_the_model_knows_what_it_is_and_tells_the_colours_apart(work: Path) -> None:
    classifier = Classifier(work / "model" / "model.onnx")
    assert classifier.card == ClassifierCard(
        labels=("red", "green", "blue"),
        input_size=SIZE,
        min_score=0.5,
        label_map_sha256=labels_sha256(tuple(COLOURS)),
        children={},
        dataset_sha256=DATASET_SHA256,
    )
    for seed, (label, colour) in enumerate(COLOURS.items()):
        assert classifier.best(decode(draw(colour, 900 + seed)))[0].label == label


def test_the_model_directory_is_what_the_container_unpacks(
    work: Path, load_entry_point: Callable[[Path], ModuleType]
) -> None:
    code = work / "model" / "code"
    assert label_map_from(json.loads((work / "model" / "label_map.json").read_text())).labels == tuple(
        COLOURS
    )
    module = load_entry_point(code)
    assert module.__file__ == str(code / "inference.py")
    model = module.model_fn(str(work / "model"))
    request = module.input_fn(draw(COLOURS["blue"], 5), "image/jpeg", None)
    answer = json.loads(module.output_fn(module.predict_fn(request, model), "*/*")[0])
    assert answer["labels"][0]["label"] == "blue"
    assert sys.modules[type(model).__module__].__file__.startswith(str(code))


def test_each_epoch_gets_a_line_that_the_metrics_are_read_from(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train.main(arguments(work, "measured", f"--validation={work / 'validation'}"))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    number = r"\d\.\d{4}"
    assert len(lines) == 2  # as the settings say
    expected = rf"epoch 2/2 train:loss={number}; validation:top1={number}; validation:loss={number};"
    assert re.fullmatch(expected, lines[1])


def test_the_same_seed_gives_the_same_model_with_any_number_of_decoding_threads(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train.main(arguments(work, "first", "--epochs=1"))
    train.main(arguments(work, "second", "--epochs=1"))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    train.main(arguments(work, "third", "--epochs=1", "--threads=3"))
    assert model_bytes(work, "first") == model_bytes(work, "second") == model_bytes(work, "third")
    train.main([*arguments(work, "other", "--epochs=1"), "--seed=8"])
    assert model_bytes(work, "first") != model_bytes(work, "other")


def test_a_tuning_jobs_words_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the training toolkit puts them: by name, two words each."""
    monkeypatch.setenv("SM_CHANNEL_TRAIN", "/opt/ml/input/data/train")
    monkeypatch.setenv("SM_MODEL_DIR", "/opt/ml/model")
    words = (
        "--_tuning_objective_metric validation:top1 --batch-size 32 --epochs 10 --learning-rate 0.0012 "
        "--seed 7 --settings models/flowers.json --share 0.5 --weight-decay 0.0003 --width 24"
    )
    options = train.parse(words.split())
    assert (options.learning_rate, options.share, options.width) == (0.0012, 0.5, 24)
    assert options.settings == Path("models/flowers.json")


def test_a_share_of_the_training_side_is_trained_on(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train.main(arguments(work, "half", "--epochs=1", "--share=0.5"))
    assert "training on 18 pictures" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--epochs=0", "--epochs 0: must be more than 0"),
        ("--learning-rate=0", "--learning-rate 0.0: must be more than 0"),
        ("--share=1.5", "--share 1.5: must not be more than 1"),
        ("--weight-decay=-1", "must not be less than 0"),
        ("--learning-rate=nan", "must be numbers"),
        ("--seed=4294967296", "--seed 4294967296: must not be more than 4294967295"),
    ],
)
def test_settings_that_cannot_work_are_refused(option: str, message: str, work: Path) -> None:
    with pytest.raises(JobError, match=message):
        train.main(arguments(work, "none", option))


def test_a_training_that_diverges_is_ended(work: Path) -> None:
    with pytest.raises(JobError, match=r"diverged: after step \d+ .*lower learning rate than 1e\+20"):
        train.main(arguments(work, "diverged", "--epochs=50", "--learning-rate=1e20"))
    assert not (work / "diverged" / "model.onnx").exists()


def test_no_thread_at_all_is_refused(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train.main(arguments(work, "none", "--threads=0"))
    assert "argument --threads: 0: must be 1 or more" in capsys.readouterr().err


def test_records_for_another_input_size_are_refused(work: Path, tmp_path: Path) -> None:
    folder = write_side(tmp_path / "train", {"red": 2, "green": 2, "blue": 2})
    path = folder / "label_map.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "input_size": 64}))
    with pytest.raises(JobError, match="records for an input_size of 64, the settings have 32: encode"):
        train.main([*arguments(work, "none"), f"--train={folder}"])


def test_a_label_without_pictures_is_named(work: Path, tmp_path: Path) -> None:
    folder = write_side(tmp_path / "train", {"red": 2, "blue": 2})
    with pytest.raises(JobError, match="no picture of green: a label without pictures cannot be learned"):
        train.main([*arguments(work, "none"), f"--train={folder}"])


def test_records_of_another_label_map_are_refused(work: Path, tmp_path: Path) -> None:
    folder = write_side(tmp_path / "train", {"red": 2}, settings=tiny_settings(("red", "blue", "green")))
    with pytest.raises(JobError, match="its label map is not that of colours's settings"):
        train.main([*arguments(work, "none"), f"--train={folder}"])


def test_an_empty_validation_side_is_refused(work: Path, tmp_path: Path) -> None:
    folder = write_side(tmp_path / "validation", {})
    with pytest.raises(JobError, match="no pictures to validate on"):
        train.main(arguments(work, "none", f"--validation={folder}"))


def test_a_picture_that_breaks_in_the_middle_of_training_ends_it_in_one_line(
    work: Path, tmp_path: Path
) -> None:
    folder = write_side(tmp_path / "train", {"red": 2, "green": 2, "blue": 2})
    with RecordWriter(folder / "train.rec") as writer:
        for identifier, label in enumerate((0.0, 1.0, 2.0)):
            writer.write(
                identifier, Record(label, identifier, b"no picture" if label else draw((9, 9, 9), 1))
            )
    with pytest.raises(JobError, match=r"train: record [12]: not a JPEG"):
        train.main([*arguments(work, "none"), f"--train={folder}"])


def test_one_picture_of_each_label_is_enough_to_run(work: Path, tmp_path: Path) -> None:
    folder = write_side(tmp_path / "train", {"red": 1, "green": 1, "blue": 1})
    train.main([*arguments(work, "few", "--epochs=1"), f"--train={folder}"])
    assert Classifier(work / "few" / "model.onnx").card.labels == tuple(COLOURS)


def test_a_parent_of_one_group_has_one_label_and_is_always_sure(tmp_path: Path) -> None:
    settings = tiny_settings(("red",))
    write_settings(tmp_path, settings)
    write_side(tmp_path / "train", {"red": 3}, settings=settings)
    train.main(arguments(tmp_path, "model", "--epochs=1"))
    best = Classifier(tmp_path / "model" / "model.onnx").best(decode(draw(COLOURS["blue"], 1)))
    assert [(found.label, found.score) for found in best] == [("red", 1.0)]


def test_a_parent_learns_classes_and_answers_with_the_labels_that_they_are_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parent = tiny_parent()
    write_settings(tmp_path, parent)
    for side in ("train", "validation"):
        write_side(tmp_path / side, {"red": 12, "green": 12, "blue": 12}, settings=parent)
    train.main(arguments(tmp_path, "model", "--epochs=12", f"--validation={tmp_path / 'validation'}"))
    assert "epoch 12/12" in (told := capsys.readouterr().out)
    assert "validation:top1=1.0000;" in told.splitlines()[-2]
    classifier = Classifier(tmp_path / "model" / "model.onnx")
    assert classifier.card.labels == ("warm", "blue")
    for colour, label in (("red", "warm"), ("green", "warm"), ("blue", "blue")):
        best = classifier.best(decode(draw(COLOURS[colour], 99)))
        assert best[0].label == label
        assert sum(found.score for found in best) == pytest.approx(1.0, abs=1e-5)


def test_a_labels_score_is_the_sum_of_its_classes() -> None:
    torch.manual_seed(1)
    network = CompactClassifier(4, width=4, input_size=32).eval()
    pictures = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        classes = torch.softmax(network(pictures), dim=1)
        summed = LabelScores(network, (0, 0, 1, 0))(pictures)
        same = LabelScores(network, (0, 1, 2, 3))(pictures)
    assert torch.allclose(summed, torch.stack([classes[:, [0, 1, 3]].sum(1), classes[:, 2]], dim=1))
    assert torch.equal(same, classes)


def test_an_export_that_differs_from_the_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    network = CompactClassifier(2, width=4, input_size=32)
    card = ClassifierCard(("a", "b"), 32, 0.5, labels_sha256(("a", "b")), {}, "")
    scores = LabelScores(network, (0, 1))
    export_onnx(scores, card, tmp_path / "model.onnx")
    monkeypatch.setattr(export, "MAX_DIFFERENCE", -1.0)
    with pytest.raises(JobError, match="onnxruntime and torch disagree"):
        export_onnx(scores, card, tmp_path / "refused.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("size", [32, 96, 160, 224])
def test_every_input_size_gives_a_score_for_each_label(size: int, tmp_path: Path) -> None:
    network = CompactClassifier(5, width=4, input_size=size).eval()
    labels = tuple("abcde")
    card = ClassifierCard(labels, size, 0.5, labels_sha256(labels), {}, "")
    export_onnx(LabelScores(network, range(5)), card, tmp_path / "model.onnx")
    scores = Classifier(tmp_path / "model.onnx").scores(np.zeros((50, 70, 3), dtype=np.uint8))
    assert scores.sum() == pytest.approx(1.0, abs=1e-5)
