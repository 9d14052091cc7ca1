from dataclasses import replace
from pathlib import Path

import pytest

from config import Edgeline
from local.demo.synthesis import ROOT, SynthesisError, configure


def test_the_demo_runs_the_configuration_with_its_classes_and_without_delivery(tmp_path: Path) -> None:
    before = Edgeline.read(ROOT / "edgeline.toml")
    after = Edgeline.read(configure(ROOT / "edgeline.toml", tmp_path, ["scratch", 'a "dent"'], pictures=40))
    assert before.delivery is not None
    assert after.delivery is None
    assert after.models[0].classes == ("scratch", 'a "dent"')
    assert (after.data, after.budget) == (before.data, before.budget)
    assert after.labeling == replace(before.labeling, round_size=40)


@pytest.mark.parametrize("labeling", ["", "[labeling]  # how\n", "[labeling]\nround_size = 300  # many\n"])
@pytest.mark.parametrize(("pictures", "size"), [(3, 10), (40, 40), (20_000, 10_000)])
def test_one_round_takes_all_pictures(tmp_path: Path, labeling: str, pictures: int, size: int) -> None:
    base = tmp_path / "base.toml"
    base.write_text(f'name = "a"\n{labeling}[models.tags]\ntask = "detection"\nclasses = ["x"]\n')
    made = Edgeline.read(configure(base, tmp_path, ["y"], pictures=pictures))
    assert made.labeling.round_size == size


def test_a_delivery_at_the_end_is_left_out_too(tmp_path: Path) -> None:
    base = tmp_path / "base.toml"
    base.write_text(
        'name = "a"\n[models.tags]\ntask = "detection"\nclasses = ["x"]\n\n'
        '[delivery]  # how\nignore = [\n  "docs/**",\n]\n'
    )
    configured = Edgeline.read(configure(base, tmp_path, ["y"], pictures=40))
    assert configured.delivery is None
    assert configured.models[0].classes == ("y",)


@pytest.mark.parametrize(
    "prod", ["", "[models.tags.prod]  # the app's\n", "[models.tags.prod]\nbake_seconds = 900  # long\n"]
)
def test_a_deployment_to_prod_is_watched_for_seconds(tmp_path: Path, prod: str) -> None:
    base = tmp_path / "base.toml"
    base.write_text(f'name = "a"\n[models.tags]\ntask = "detection"\nclasses = ["x"]\n{prod}')
    assert Edgeline.read(configure(base, tmp_path, ["y"], pictures=40)).models[0].prod.bake_seconds == 5


def test_two_models_are_one_too_many(tmp_path: Path) -> None:
    base = tmp_path / "base.toml"
    base.write_text('[models.a]\nclasses = ["x"]\n[models.b]\nclasses = ["x"]\n')
    with pytest.raises(SynthesisError, match="the demo runs one model"):
        configure(base, tmp_path, ["y"], pictures=40)
