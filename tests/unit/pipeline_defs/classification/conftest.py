import json
from pathlib import Path
from typing import Any

import pytest
from checked_data import SPECIES as TREE
from checked_data import draw_images

from pipeline_defs.classification.dataset import Image
from pipeline_defs.common.settings import Settings

SPECIES: dict[str, Any] = {
    "pipeline_name": "line-species",
    "model_package_group": "line-species",
    "task": "classification",
    "classes": ["mushroom"],
    "train_instance": "ml.m5.2xlarge",
    "job_instance": "ml.m5.xlarge",
    "inference_instances": ["ml.m5.large"],
    "tags": {"project": "line"},
    "classification": {
        "labels": {"flowers": ["tulip", "daffodil"], "trees": ["oak"], "mushroom": ["mushroom"]},
        "children": {"flowers": "flowers", "trees": "trees"},
        "tree": "species",
        "source": "s3://images/images/species/",
        "epochs": 30,
        "input_size": 224,
        "top1_threshold": 0.6,
        "min_score": 0.5,
        "spot": True,
        "tuning": {"strategy": "random", "jobs": 4, "parallel": 2},
        "quality": {"min_pictures": 5},
    },
}


def child_of_species(name: str, classes: list[str]) -> dict[str, Any]:
    own = {
        "labels": {each: [each] for each in classes},
        "tree": "species",
        "source": "s3://images/images/species/",
    }
    return {
        **SPECIES,
        "pipeline_name": f"line-{name}",
        "model_package_group": f"line-{name}",
        "classes": classes,
        "classification": own,
    }


MODELS: dict[str, Any] = {
    "species": SPECIES,
    "flowers": child_of_species("flowers", ["tulip", "daffodil"]),
    "trees": child_of_species("trees", ["oak"]),
}


@pytest.fixture
def tree_environment(build_environment: dict[str, str]) -> dict[str, str]:
    """What the build project gives where there is a tree."""
    return build_environment | {"MODEL_CONFIG": json.dumps(MODELS)}


@pytest.fixture
def species(tree_environment: dict[str, str]) -> Settings:
    return Settings.read(tree_environment, "species")


@pytest.fixture
def flowers(tree_environment: dict[str, str]) -> Settings:
    return Settings.read(tree_environment, "flowers")


@pytest.fixture
def images(tmp_path: Path) -> list[Image]:
    """Twelve pictures of each class of the tree of checked_data."""
    return draw_images(tmp_path / "pictures", TREE, a_class=12)
