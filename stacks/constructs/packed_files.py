"""Files of this repository as an asset, with documents among them that the synthesis writes."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii

ROOT = Path(__file__).parents[2]


def left_out(files: Sequence[str]) -> list[str]:
    """What to exclude of the repository so that only these files and folders of it are left."""
    folders = {str(folder) for file in files for folder in Path(file).parents if str(folder) != "."}
    opened = [pattern for folder in sorted(folders) for pattern in (f"!{folder}", f"{folder}/*")]
    return ["*", *opened, *(f"!{file}" for file in files), "**/__pycache__"]


@cache
def fingerprint(files: tuple[str, ...]) -> str:
    """The hash of these files and folders of the repository, as an asset of them has it."""
    return cdk.FileSystem.fingerprint(str(ROOT), exclude=left_out(files), ignore_mode=cdk.IgnoreMode.DOCKER)


def packed_with(files: tuple[str, ...], documents: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an asset of the repository: what makes it hold these files and, as JSON, the documents.

    `documents` are by their paths in the asset. No value of one may be a reference: an asset is packed before
    CloudFormation knows what references stand for.
    """
    if not documents:
        return {"exclude": left_out(files), "ignore_mode": cdk.IgnoreMode.DOCKER}
    texts = {path: json.dumps(value, indent=1, ensure_ascii=False) for path, value in documents.items()}
    told = [path for path, text in texts.items() if cdk.Token.is_unresolved(text)]
    if told:
        raise ValueError(f"{told[0]}: holds a reference, which an asset cannot")
    content = hashlib.sha256(json.dumps([fingerprint(files), texts], sort_keys=True).encode())
    return {
        "asset_hash": content.hexdigest(),
        "bundling": cdk.BundlingOptions(
            # Never asked for: what packs locally needs no container.
            image=cdk.DockerImage.from_registry("scratch"),
            local=_Packing(files, texts),
        ),
    }


@jsii.implements(cdk.ILocalBundling)
class _Packing:
    def __init__(self, files: Sequence[str], texts: Mapping[str, str]) -> None:
        self._files, self._texts = files, texts

    def try_bundle(self, output_dir: str, *_options: Any, **_more: Any) -> bool:
        """Fill the asset's folder; CDK asks for nothing else where this is True."""
        for file in self._files:
            source, target = ROOT / file, Path(output_dir, file)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)
        for path, text in self._texts.items():
            Path(output_dir, path).write_text(text, encoding="utf-8")
        return True
