import json
from pathlib import Path

import pytest

from lambdas.promotion import settings

MODELS = {
    "tags": {"group": "line-tags", "classes": ["a"], "tolerance": 0.1, "test_instance": "i", "endpoints": {}}
}


def test_the_models_are_in_the_environment_or_in_a_file_beside_the_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "__file__", str(tmp_path / "settings.py"))
    (tmp_path / "models.json").write_text(json.dumps(MODELS))
    assert settings.model_settings("models.json", "tags") == settings.model_settings(
        json.dumps(MODELS), "tags"
    )
    assert settings.model_of_group("models.json", "line-tags") == "tags"


def test_a_file_that_was_not_packed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "__file__", str(tmp_path / "settings.py"))
    with pytest.raises(FileNotFoundError, match=r"models\.json"):
        settings.model_settings("models.json", "tags")
