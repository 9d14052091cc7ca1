import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from config import Edgeline
from local.demo.batch import SetAside
from local.demo.details import Failure
from local.demo.summary import Calls, Iam, Stage
from local.species.application import Reply
from local.species.configuration import FLAT, TREE, Budget, write_configuration
from local.species.facts import Facts, Trained, Tried
from local.species.report import Run, render
from local.species.source import Material, Picture

RUN = Run(
    started="2026-11-21T12:00:00+00:00", seed=7, seconds=61.0, stages=(Stage("Train birds", 60.0),),
    iam=Iam(3, 1, {"user/app": Calls(3, 1)}),
)  # fmt: skip


def trained(model: str, **changed: Any) -> Trained:
    evaluation = {"top1": 0.625, "images": 16, "calibration": {"ece": 0.04}, "routing": None}
    made = Trained(
        model=model, package_arn=f"arn:aws:sagemaker:eu-west-1:1:model-package/edgeline-{model}/3",
        seconds=12.0, evaluation=evaluation, split={"full": {"pictures": 40}}, quarantine=(),
        trials=(), tested=frozenset({"a", "b"}), page=f"models/{model}.html",
    )  # fmt: skip
    return replace(made, **changed)


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 30, 30)).save(buffer, "JPEG")
    (tmp_path / "duck.jpg").write_bytes(buffer.getvalue())
    duck = Picture(tmp_path / "duck.jpg", "birds", "duck")
    material = Material(
        {"birds": ["duck", "eagle"], "fish": ["ray", "shark"]}, (duck,), (duck,), (), "40 pictures"
    )
    routing = {"top1_end_to_end": 0.5, "top1_perfect_parent": 0.75, "cost": 0.25}
    parent = trained(TREE)
    path = [{"model": TREE, "label": "birds", "score": 0.93, "sure": True, "labels": []}]
    document = {"name": "eagle", "level": "species", "path": path, "degraded": None, "refused": None}
    return Facts(
        material=material,
        trained={
            "birds": trained("birds"),
            TREE: replace(parent, evaluation={**parent.evaluation, "routing": routing}),
            FLAT: trained(FLAT),
        },
        held={"birds": "birds 3 waits for a version of species"},
        released=("arn:aws:sagemaker:eu-west-1:1:model-package/edgeline-birds/3",),
        tried=[Tried(duck, Reply(200, document, {}))],
    )


@pytest.fixture
def config(facts: Facts, tmp_path: Path) -> Edgeline:
    assert facts.material
    return Edgeline.read(write_configuration(facts.material, Budget(epochs=10), tmp_path))


def test_the_tree_stands_beside_the_flat_model_whatever_that_shows(facts: Facts, config: Edgeline) -> None:
    page = render(RUN, facts, config)

    assert "50.0 %" in page
    assert "62.5 %" in page
    assert "25.0 points" in page
    assert "Both were measured on the same 16 pictures" in page


def test_figures_of_other_pictures_are_called_no_comparison(facts: Facts, config: Edgeline) -> None:
    facts.trained[FLAT] = trained(FLAT, tested=frozenset({"a", "c"}))

    page = render(RUN, facts, config)

    assert "the figures are no comparison" in page
    assert "Both were measured" not in page


def test_a_picture_that_was_named_wrong_shows_what_it_is_and_its_route(
    facts: Facts, config: Edgeline
) -> None:
    page = render(RUN, facts, config)

    assert "0 of 1" in page
    assert "it is duck" in page
    assert "0.93" in page


def test_trials_come_best_first_and_those_that_did_not_end_last(facts: Facts, config: Edgeline) -> None:
    def trial(rate: str, value: float | None, status: str = "Completed") -> dict[str, Any]:
        found = {} if value is None else {"FinalHyperParameterTuningJobObjectiveMetric": {"Value": value}}
        return {"TrainingJobStatus": status, "TunedHyperParameters": {"learning-rate": rate}, **found}

    trials = (
        trial("0.001", 0.9),
        trial("0.002", None, "Failed"),
        trial('"0.003"', 0.4),
        trial("0.004", 0.1, "Stopped"),
    )
    facts.trained["birds"] = trained("birds", trials=trials)

    page = render(RUN, facts, config)

    places = [page.index(f">{said}<") for said in ("0.400", "0.900", "0.100", "failed")]
    assert places == sorted(places)


def test_what_was_not_used_is_listed_once_whoever_has_set_it_aside(facts: Facts, config: Edgeline) -> None:
    entry = {"uri": "s3://images/a.jpg", "reason": "broken", "detail": "cut off"}
    for model in ("birds", TREE):
        facts.trained[model] = replace(facts.trained[model], quarantine=(entry,))

    assert facts.material
    facts.material = replace(facts.material, set_aside=(SetAside("notes.txt", "in no folder"),))

    page = render(RUN, facts, config)

    assert page.count("cut off") == page.count("in no folder") == 1
    assert "2 of the files" in page


def test_a_run_that_stopped_says_where_and_why_and_makes_nothing_up() -> None:
    page = render(
        replace(RUN, failure=Failure("Train birds", "no picture <of> birds"), iam=None), Facts(), None
    )

    assert "stopped at “Train birds”" in page
    assert "no picture &lt;of&gt; birds" in page
    assert "One flat model" not in page
