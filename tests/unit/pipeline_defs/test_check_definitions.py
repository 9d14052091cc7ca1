"""All models are checked in one process, and each has its own lines."""

import json
from collections.abc import Mapping

import pytest

from pipeline_defs import check_definitions, upsert
from pipeline_defs.common.checks import DefinitionError
from pipeline_defs.common.settings import SettingsError


def test_each_model_has_what_is_wrong_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: dict[str, Exception] = {
        "two": DefinitionError("2 problems\nTrainModel: no instance\nEvaluate: no role"),
        "one": SettingsError("model 'one': there is no reading pipeline"),
        "strange": KeyError("labels"),
    }

    def main(arguments: list[str], _environment: Mapping[str, str]) -> None:
        _, model, last = arguments
        assert last == "--check", "nothing is called on AWS"
        if model in wrong:
            raise wrong[model]

    monkeypatch.setattr(upsert, "main", main)
    models = json.dumps({name: {} for name in ("fine", *wrong)})
    assert check_definitions.main({"MODEL_CONFIG": models}) == {
        "fine": [],
        "two": ["TrainModel: no instance", "Evaluate: no role"],
        "one": ["model 'one': there is no reading pipeline"],
        "strange": ["'labels'"],
    }


def test_models_that_cannot_be_read_are_said() -> None:
    with pytest.raises(SettingsError, match="not the models as JSON"):
        check_definitions.main({"MODEL_CONFIG_FILE": "nowhere.json"})
