import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

from local.cloud.assembly import stacks_in_order
from local.cloud.deploy import zip_folder


def stack(*dependencies: str) -> dict[str, Any]:
    return {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": "t.json", "stackName": "edgeline"},
        "dependencies": list(dependencies),
    }


def test_stacks_of_nested_assemblies_come_after_their_dependencies(tmp_path: Path) -> None:
    nested = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "stage"}}
    (tmp_path / "stage").mkdir()
    inner = {"Edge": stack("Data", "Edge.assets"), "Data": stack("Key"), "Key": stack()}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"Tools": nested, "Outer": stack()}}))
    (tmp_path / "stage" / "manifest.json").write_text(json.dumps({"artifacts": inner}))
    ordered = stacks_in_order(tmp_path)
    assert [found.artifact for found in ordered] == ["Outer", "Key", "Data", "Edge"]
    assert ordered[1].folder == tmp_path / "stage"


def test_zip_is_the_same_for_the_same_files(tmp_path: Path) -> None:
    for name, order in (("one", ["b.py", "a/c.py"]), ("two", ["a/c.py", "b.py"])):
        for position, file in enumerate(order):
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file)
            os.utime(path, (position * 1000, position * 1000))
    content = zip_folder(tmp_path / "one")
    assert content == zip_folder(tmp_path / "two")
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["a/c.py", "b.py"]
