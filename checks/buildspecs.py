"""The build specification of every CodeBuild project, inline or a file, and the variables that it gets."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from checks.assembly import Assembly, Resource
from checks.buildspec_shape import BUILDSPEC
from checks.codebuild import source_folder
from checks.documents import BadDocumentError, read_document
from checks.finding import Finding
from checks.intrinsics import Resolver
from checks.shapes import Problem

NAME = "buildspecs"
_ROOT = Path(__file__).parents[1]
_FILE_ENDS = (".yml", ".yaml", ".json")
_VARIABLE_TYPES = ("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER")


def check(assembly: Assembly) -> list[Finding]:
    """Hold each project's buildspec against the reference of version 0.2."""
    resolver = Resolver(assembly)
    return [
        Finding(NAME, f"{project.where} {problem.path}".strip(), problem.wrong, problem.remedy)
        for project in assembly.resources("AWS::CodeBuild::Project")
        for problem in (*_buildspec(assembly, project, resolver), *_variables(project))
    ]


def _buildspec(assembly: Assembly, project: Resource, resolver: Resolver) -> Iterator[Problem]:
    source = project.properties.get("Source", {})
    written = resolver.resolve(project.stack, source.get("BuildSpec", ""))
    if isinstance(written, Mapping):  # an intrinsic that resolves to no text
        written = json.dumps(written)
    text: str | None = str(written)
    if not text or ("\n" not in text and text.endswith(_FILE_ENDS)):
        file = text or "buildspec.yml"
        text = _file(assembly, project, resolver, file)
        if text is None:
            yield Problem(
                "Source.BuildSpec", f"the source has no {file}", "add the file, or write the buildspec inline"
            )
            return
    try:
        document = read_document(text)
    except BadDocumentError as error:
        yield Problem("Source.BuildSpec", str(error), "correct the YAML")
        return
    yield from BUILDSPEC.problems(document, "")
    yield from _commands(document)
    yield from _artifacts(document)


def _file(assembly: Assembly, project: Resource, resolver: Resolver, name: str) -> str | None:
    """A buildspec file in what the project builds: an asset, this repository, or the assembly itself.

    CDK Pipelines writes the buildspec that publishes the assets into the assembly.
    """
    asset = source_folder(assembly, project, resolver)
    files = (folder / name for folder in ([asset] if asset else [_ROOT, assembly.directory]))
    return next((file.read_text(encoding="utf-8") for file in files if file.is_file()), None)


def _commands(document: Any) -> Iterator[Problem]:
    phases = document.get("phases") if isinstance(document, Mapping) else None
    if isinstance(phases, Mapping) and not any(
        isinstance(phase, Mapping) and phase.get("commands") for phase in phases.values()
    ):
        yield Problem(
            "phases", "no phase has a command: the build would do nothing", "add commands to phases.build"
        )


def _artifacts(document: Any) -> Iterator[Problem]:
    """Files of `artifacts` are needed unless there are only secondary ones."""
    artifacts = document.get("artifacts") if isinstance(document, Mapping) else None
    if isinstance(artifacts, Mapping) and not {"files", "secondary-artifacts"} & set(artifacts):
        yield Problem("artifacts.files", "is missing", "add it")


def _variables(project: Resource) -> Iterator[Problem]:
    entries = project.properties.get("Environment", {}).get("EnvironmentVariables") or []
    names = Counter(str(entry.get("Name")) for entry in entries)
    for entry in entries:
        name, kind = str(entry.get("Name")), entry.get("Type", "PLAINTEXT")
        path = f"Environment.EnvironmentVariables {name}"
        if kind not in _VARIABLE_TYPES:
            yield Problem(path, f"Type {kind!r} is none of {', '.join(_VARIABLE_TYPES)}", "correct the type")
        if name.startswith("CODEBUILD_"):
            yield Problem(path, "CodeBuild reserves names that begin with CODEBUILD_", "rename it")
        if names[name] > 1:
            yield Problem(path, "is given twice", "remove one")
            names[name] = 0
