from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from config import ConfigError, Edgeline, Endpoint

ROOT = Path(__file__).parents[2]
SMALLEST: dict[str, Any] = {
    "name": "line",
    "models": {"tags": {"task": "detection", "classes": ["scratch"]}},
}


def changed(path: str, value: object) -> dict[str, Any]:
    """The smallest configuration with one key set, or deleted with None."""
    values = copy.deepcopy(SMALLEST)
    *tables, key = path.split("/")
    inner = values
    for table in tables:
        inner = inner.setdefault(table, {})
    if value is None:
        del inner[key]
    else:
        inner[key] = value
    return values


def test_the_file_of_the_repository_is_the_default_configuration() -> None:
    config = Edgeline.read(ROOT / "edgeline.toml")
    assert config.name == "edgeline"
    assert [model.name for model in config.models] == ["tags"]
    assert config.fleet.model == "tags"
    assert (config.tools.account, config.tools.region) == (None, None)


def test_defaults_fill_what_is_not_said() -> None:
    config = Edgeline.from_values(SMALLEST)
    (model,) = config.models
    assert model.staging == Endpoint()
    assert model.map50_threshold == 0.6
    assert config.labeling.max_rounds == 3
    assert (config.fleet.staging_group, config.fleet.prod_group) == ("line-staging", "line-prod")


def test_values_are_taken_over() -> None:
    values = changed(
        "models/tags/prod", {"kind": "realtime", "instance_type": "ml.g5.xlarge", "instances": 3}
    )
    (model,) = Edgeline.from_values(values).models
    assert model.prod == Endpoint(kind="realtime", instance_type="ml.g5.xlarge", instances=3)


def test_a_model_name_with_hyphens_ends_an_output_key() -> None:
    values = changed("models/metal-tags", SMALLEST["models"]["tags"])
    assert [model.output_suffix for model in Edgeline.from_values(values).models] == ["Tags", "MetalTags"]


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("name", None, "name: missing"),
        ("name", "My Line", "name: 'My Line' does not match"),
        (
            "name",
            "a-line-with-much-too-long-a-name",
            "name: 'a-line-with-much-too-long-a-name' is longer than 20",
        ),
        ("colour", "red", "colour: unknown key"),
        ("models", {}, "models: is empty; add a [models.NAME] table"),
        ("models/tags", 3, "models.tags: 3 is not a table"),
        ("models/Tags", {"task": "detection"}, "models.Tags.: the model's name 'Tags' does not match"),
        ("models/tags/task", "segmentation", "models.tags.task: 'segmentation' is not one of detection"),
        ("models/tags/task", None, "models.tags.task: missing"),
        ("models/tags/classes", [], "models.tags.classes: [] is not a list of at least one text"),
        ("models/tags/classes", ["a,b"], "models.tags.classes: ['a,b'] is not a list"),
        ("models/tags/classes", ["a", "a"], "models.tags.classes: ['a', 'a'] names a class twice"),
        ("models/tags/classes", "scratch", "models.tags.classes: 'scratch' is not a list of text"),
        ("models/tags/map50_threshold", 1.4, "models.tags.map50_threshold: 1.4 is not between 0 and 1"),
        ("models/tags/map50_threshold", "high", "models.tags.map50_threshold: 'high' is not a number"),
        ("models/tags/map50_threshold", True, "models.tags.map50_threshold: True is not a number"),
        ("models/tags/group_rule", "(", "models.tags.group_rule: '(' is not a regular expression"),
        (
            "models/tags/group_rule",
            "tag",
            "models.tags.group_rule: 'tag' has no group ( ) that names the object",
        ),
        ("models/tags/train_instance", "m5", "models.tags.train_instance: 'm5' does not match"),
        ("models/tags/staging/memory_mb", 2500, "models.tags.staging.memory_mb: 2500 is not a multiple"),
        ("models/tags/staging/instances", 2, "models.tags.staging.instances: unknown key"),
        (
            "models/tags/prod/kind",
            "batch",
            "models.tags.prod.kind: 'batch' is not one of serverless, realtime",
        ),
        ("labeling/backend", "crowd", "labeling.backend: 'crowd' is not one of workbench"),
        ("labeling/schedule", "daily", "labeling.schedule: 'daily' does not match"),
        ("labeling/max_rounds", 0, "labeling.max_rounds: 0 is not between 1 and 10"),
        ("labeling/max_rounds", 2.5, "labeling.max_rounds: 2.5 is not a whole number"),
        ("fleet/model", "other", "fleet.model: 'other' is not one of tags"),
        ("fleet/unsure_low", 0.7, "fleet.unsure_low: 0.7 is not below unsure_high 0.6"),
        ("fleet/prod_group", "line-staging", "fleet.prod_group: 'line-staging' is the staging group too"),
        ("tools/account", "12", "tools.account: '12' does not match"),
        ("tools/account", "111122223333", "tools.region: missing; name both"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(path: str, value: object, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        Edgeline.from_values(changed(path, value))
    assert str(error.value).startswith(f"edgeline.toml: {complaint}")
    assert "\n" not in str(error.value)


def test_a_file_that_is_missing_or_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: no such file"):
        Edgeline.read(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(ConfigError, match=r"broken\.toml: not valid TOML"):
        Edgeline.read(broken)
