from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from config import Budget, ConfigError, Data, Edgeline, Promotion
from config_delivery import Accounts, Delivery
from config_endpoint import Endpoint

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
    assert config.accounts == Accounts()


def test_defaults_fill_what_is_not_said() -> None:
    config = Edgeline.from_values(SMALLEST)
    (model,) = config.models
    assert model.staging == Endpoint()
    assert (model.map50_threshold, model.drift) == (0.6, 0.25)
    assert config.promotion == Promotion(email=None)
    assert config.labeling.max_rounds == 3
    assert (config.fleet.staging_group, config.fleet.prod_group) == ("line-staging", "line-prod")


def test_what_is_not_said_of_delivery_and_accounts() -> None:
    config = Edgeline.from_values(SMALLEST)
    assert config.delivery is None
    assert config.parts == ("labeling", "training", "promotion", "edge")
    assert (config.data, config.budget) == (Data(keep=True), Budget(monthly_usd=200, email=None))
    by_default = Edgeline.from_values(changed("delivery", {})).delivery
    assert by_default == Delivery(source="codecommit", repository="line", branch="main")
    assert Edgeline.from_values(changed("delivery", {"source": "s3"})).delivery == Delivery(source="s3")


def test_a_connection_names_the_repository_behind_it() -> None:
    arn = "arn:aws:codeconnections:eu-west-1:111122223333:connection/01234567"
    table = {"source": "connection", "repository": "me/line", "connection_arn": arn, "ignore": ["*.md"]}
    delivery = Edgeline.from_values(changed("delivery", table)).delivery
    assert delivery == Delivery("connection", "me/line", "main", arn, ("*.md",))


def test_a_connection_ignores_what_its_trigger_can_filter() -> None:
    arn = "arn:aws:codeconnections:eu-west-1:111122223333:connection/01234567"
    patterns = [f"folder{number}/**" for number in range(9)]
    table = {"source": "connection", "repository": "me/line", "connection_arn": arn, "ignore": patterns}
    with pytest.raises(ConfigError, match="ignore: 9 patterns; a connection takes 8 at most"):
        Edgeline.from_values(changed("delivery", table))
    without = Edgeline.from_values(changed("delivery", {"source": "s3", "ignore": patterns}))
    assert without.delivery == Delivery(source="s3", ignore=tuple(patterns))


def test_staging_and_prod_are_in_the_tools_account_unless_they_have_their_own() -> None:
    table = {"tools": "111122223333", "prod": "777788889999", "region": "eu-west-1"}
    accounts = Edgeline.from_values(changed("accounts", table)).accounts
    assert accounts == Accounts("111122223333", "111122223333", "777788889999", "eu-west-1")
    assert accounts.several
    assert not Accounts().several


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
        ("models/Tags", {"task": "detection"}, "models.Tags: the model's name 'Tags' does not match"),
        ("models/tags/task", "segmentation", "models.tags.task: 'segmentation' is not one of detection"),
        ("models/tags/task", None, "models.tags.task: missing"),
        ("models/tags/classes", [], "models.tags.classes: [] is not a list of at least one text"),
        ("models/tags/classes", ["a,b"], "models.tags.classes: ['a,b'] is not a list"),
        ("models/tags/classes", ["a", "a"], "models.tags.classes: ['a', 'a'] names one of them twice"),
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
        ("models/tags/drift", 0, "models.tags.drift: 0 is not between 0.01 and 1"),
        ("promotion/email", "me", "promotion.email: 'me' does not match"),
        ("labeling/backend", "crowd", "labeling.backend: 'crowd' is not one of workbench, ground_truth"),
        ("fleet/model", "other", "fleet.model: 'other' is not one of tags"),
        ("fleet/unsure_low", 0.7, "fleet.unsure_low: 0.7 is not below unsure_high 0.6"),
        ("fleet/prod_group", "line-staging", "fleet.prod_group: 'line-staging' is the staging group too"),
        ("accounts/tools", "12", "accounts.tools: '12' does not match"),
        ("accounts/tools", "111122223333", "accounts.region: missing; name the accounts and the region"),
        ("accounts/region", "eu-west-1", "accounts.tools: missing; name the accounts and the region"),
        ("accounts/prod", "111122223333", "accounts.tools: missing; staging and prod have accounts"),
        ("parts", ["labelling"], "parts: 'labelling' is not one of labeling, training"),
        ("parts", ["edge", "edge"], "parts: ['edge', 'edge'] names one of them twice"),
        ("delivery/source", "github", "delivery.source: 'github' is not one of codecommit"),
        ("delivery", {"source": "connection"}, "delivery.repository: missing"),
        (
            "delivery",
            {"source": "connection", "repository": "me/line", "connection_arn": "arn:aws:s3:::x"},
            "delivery.connection_arn: 'arn:aws:s3:::x' does not match",
        ),
        ("delivery/connection_arn", "arn", "delivery.connection_arn: unknown key"),
        ("delivery/approve_prod", 1, "delivery.approve_prod: 1 is not true or false"),
        ("data/keep", "no", "data.keep: 'no' is not true or false"),
        ("budget/monthly_usd", 0, "budget.monthly_usd: 0 is not between 1"),
        ("budget/email", "me", "budget.email: 'me' does not match"),
        ("models/tags/schedule", "weekly", "models.tags.schedule: 'weekly' does not match"),
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
