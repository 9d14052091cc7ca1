"""The files that a classifier's jobs are told by, for whoever runs them by hand."""

import json
from pathlib import Path

import pytest

from local.__main__ import main
from pipeline_defs.classification.settings import read_settings

TREE = """
name = "line"
parts = ["training", "promotion"]
[models.species]
task = "classification"
classes = ["Fliegenpilz"]
[models.flowers]
task = "classification"
parent = "species"
classes = ["Gänseblümchen", "tulip"]
epochs = 7
[models.flowers.quality]
min_pictures = 3
"""
DETECTOR = 'name = "line"\n[models.tags]\ntask = "detection"\nclasses = ["scratch"]\n'


def test_each_classifier_has_a_file_that_its_jobs_read(tmp_path: Path) -> None:
    (tmp_path / "tree.toml").write_text(TREE, encoding="utf-8")

    assert main(["settings", "--config", str(tmp_path / "tree.toml"), "--folder", str(tmp_path)]) == 0

    child, parent = (read_settings(tmp_path / "models" / f"{name}.json") for name in ("flowers", "species"))
    assert (child.name, child.tree, child.epochs) == ("flowers", "species", 7)
    assert (child.classes, child.quality.min_pictures) == (("Gänseblümchen", "tulip"), 3)
    assert list(parent.labels) == ["flowers", "Fliegenpilz"]
    assert parent.children == {"flowers": "flowers"}
    assert json.loads((tmp_path / "models/species.json").read_text())["source"] == "images/species/"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [(DETECTOR, "no model has task"), (TREE.replace("epochs = 7", "epochs = 0"), "models.flowers.epochs: 0")],
)
def test_what_has_no_such_file_is_one_line(
    text: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.toml").write_text(text, encoding="utf-8")

    assert main(["settings", "--config", str(tmp_path / "wrong.toml"), "--folder", str(tmp_path)]) == 1

    error = capsys.readouterr().err
    assert complaint in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "models").exists()
