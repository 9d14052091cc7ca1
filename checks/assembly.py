"""What `cdk synth` leaves in cdk.out: every stack of every stage, and the assets."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Template = Mapping[str, Any]
_UNKNOWN = {"unknown-account": "111122223333", "unknown-region": "eu-west-1"}


class BrokenAssemblyError(Exception):
    """The folder is not what `cdk synth` writes; the message is one line."""


@dataclass(frozen=True)
class Stack:
    """One template. `path` is its construct path, `name` what CloudFormation calls it."""

    path: str
    name: str
    file: Path
    template: Template
    account: str
    region: str


@dataclass(frozen=True)
class Resource:
    """One resource; `where` is its construct path or, without one, stack and logical id."""

    stack: Stack
    logical_id: str
    definition: Mapping[str, Any]

    @property
    def where(self) -> str:
        """How findings name it."""
        path = self.definition.get("Metadata", {}).get("aws:cdk:path")
        return str(path) if path else f"{self.stack.path}/{self.logical_id}"

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties; none where it has none."""
        return self.definition.get("Properties") or {}


@dataclass(frozen=True)
class Assembly:
    """A folder of templates and assets."""

    directory: Path
    stacks: tuple[Stack, ...]

    def resources(self, *kinds: str) -> Iterator[Resource]:
        """Every resource of these CloudFormation types."""
        for stack in self.stacks:
            for logical_id, definition in stack.template["Resources"].items():
                if definition.get("Type") in kinds:
                    yield Resource(stack, logical_id, definition)

    def asset(self, content_hash: str) -> Path | None:
        """The file or folder of an asset, by the hash that locations name it by; None where there is none."""
        return next(iter(self.directory.glob(f"asset.{content_hash}*")), None)


def read_assembly(directory: Path) -> Assembly:
    """Read a cloud assembly with all that are nested in it. Raises BrokenAssemblyError."""
    if not (directory / "manifest.json").is_file():
        raise BrokenAssemblyError(f"{directory}: no cloud assembly (no manifest.json); run cdk synth first")
    stacks = tuple(_stacks(directory))
    if not stacks:
        raise BrokenAssemblyError(f"{directory}: the cloud assembly has no stack; run cdk synth again")
    return Assembly(directory.resolve(), stacks)


def _stacks(directory: Path) -> Iterator[Stack]:
    artifacts = _load(directory / "manifest.json", "artifacts")
    for key, artifact in artifacts.items():
        properties = artifact.get("properties", {})
        match artifact.get("type"):
            case "cdk:cloud-assembly":
                yield from _stacks(directory / properties["directoryName"])
            case "aws:cloudformation:stack":
                yield from _with_nested(directory, key, artifact)


def _with_nested(directory: Path, key: str, artifact: Mapping[str, Any]) -> Iterator[Stack]:
    """A stack, and the nested ones: their templates are among its assets."""
    properties = artifact["properties"]
    account, _, region = artifact.get("environment", "").removeprefix("aws://").partition("/")
    path = artifact.get("displayName", key)
    own = directory / properties["templateFile"]
    assets = own.with_name(own.name.replace(".template.json", ".assets.json"))
    files = _load(assets, "files").values() if assets.is_file() else []
    nested = {
        file["source"]["path"] for file in files if file["source"]["path"].endswith(".nested.template.json")
    }
    for file in (own, *(directory / name for name in sorted(nested))):
        yield Stack(
            path=path if file == own else f"{path}/{file.name.removesuffix('.nested.template.json')}",
            name=properties.get("stackName", key),
            file=file,
            template={"Resources": {}, **_load(file)},
            account=_UNKNOWN.get(account, account),
            region=_UNKNOWN.get(region, region),
        )


def _load(file: Path, key: str | None = None) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BrokenAssemblyError(
            f"{file}: the assembly names it, and it is missing; run cdk synth again"
        ) from None
    except (OSError, ValueError) as error:
        raise BrokenAssemblyError(f"{file}: not readable as JSON ({error}); run cdk synth again") from None
    value = content if key is None else content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, dict):
        raise BrokenAssemblyError(f"{file}: not what cdk synth writes; run cdk synth again")
    return value
