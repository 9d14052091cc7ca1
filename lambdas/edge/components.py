"""The model component: its name, its version, its archive and its recipe."""

import io
import json
import re
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

ARCHIVE = "model.zip"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class BrokenArtifact(Exception):  # noqa: N818 - the name that the state machine reports
    """The package's model.tar.gz is not what a training job of this project leaves."""


class BrokenRecipe(Exception):  # noqa: N818 - the name that the state machine reports
    """The recipe template has a placeholder that nothing fills."""


def component_version(package_version: int) -> str:
    """Give the component version of a model package version."""
    return f"1.0.{package_version}"


def component_arn(*, partition: str, region: str, account: str, name: str, version: str) -> str:
    """Give the ARN of a component version."""
    return f"arn:{partition}:greengrass:{region}:{account}:components:{name}:versions:{version}"


def onnx_of(model_tar_gz: bytes) -> bytes:
    """Take model.onnx out of a model.tar.gz; BrokenArtifact if it is not there or not readable."""
    try:
        with tarfile.open(fileobj=io.BytesIO(model_tar_gz), mode="r:gz") as archive:
            for member in archive:
                if member.isfile() and PurePosixPath(member.name) == PurePosixPath("model.onnx"):
                    found = archive.extractfile(member)
                    content = found.read() if found else b""
                    if content:
                        return content
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BrokenArtifact(f"model.tar.gz cannot be read: {error}") from error
    raise BrokenArtifact("model.tar.gz has no model.onnx, or an empty one")


def archive(onnx: bytes, description: Mapping[str, Any]) -> bytes:
    """Zip model.onnx and model.json; the same content always gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        document = json.dumps(description, indent=2, sort_keys=True).encode()
        for name, content in (("model.json", document), ("model.onnx", onnx)):
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            file.writestr(entry, content)
    return buffer.getvalue()


def placeholders(name: str, version: str, artifact_uri: str) -> dict[str, str]:
    """Give the values of the recipe template's placeholders; Greengrass unpacks it under its stem."""
    stem = PurePosixPath(ARCHIVE).stem
    return {"COMPONENT": name, "VERSION": version, "ARTIFACT_URI": artifact_uri, "ARTIFACT_NAME": stem}


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill the @PLACEHOLDERS@ of a recipe, comments left out; BrokenRecipe names one that nothing fills."""
    recipe = "".join(line for line in template.splitlines(keepends=True) if not line.startswith("#"))
    for name, value in values.items():
        recipe = recipe.replace(f"@{name}@", value)
    left = re.findall(r"@[A-Z_]+@", recipe)
    if left:
        raise BrokenRecipe(f"nothing fills {', '.join(sorted(set(left)))} of the model's recipe")
    return recipe
