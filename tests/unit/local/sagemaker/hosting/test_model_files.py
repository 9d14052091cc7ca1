from __future__ import annotations

from pathlib import Path
from typing import Any

from local.sagemaker.hosting.model_files import fetch_model


def test_nothing_of_an_earlier_model_stays_in_the_folder(lab: Any, tmp_path: Path) -> None:
    role = lab.role()
    for number, extra in enumerate(({"code/extra.py": ""}, {})):
        archive = lab.tar_gz({"code/inference.py": str(number), **extra})
        url = lab.put(f"{number}/model.tar.gz", archive)
        model = {"ModelName": "m", "ExecutionRoleArn": role, "Container": {"ModelDataUrl": url}}
        files = fetch_model(lab.cloud, model, tmp_path)
    assert [path.name for path in (files.folder / "code").iterdir()] == ["inference.py"]
    assert (files.folder / "code/inference.py").read_text() == "1"
