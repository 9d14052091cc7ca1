"""The SageMaker pipelines as their build would make them, held against the API's shapes, without AWS.

What is run is the build's own source, the asset in the assembly, in the environment that the template gives.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from checks.assembly import Assembly, Resource
from checks.codebuild import build_environment, source_folder
from checks.finding import Finding
from checks.intrinsics import Resolver

NAME = "pipeline-definitions"
_COMMAND = "-m pipeline_defs.upsert"
_CHECK = "-m pipeline_defs.check_definitions"
_SECONDS = 600
_REMEDY = "correct pipeline_defs, or what stacks/training_stack.py tells it"


def check(assembly: Assembly) -> list[Finding]:
    """Describe and check the pipeline of every model that a build project knows."""
    resolver = Resolver(assembly)
    return [
        finding
        for project in assembly.resources("AWS::CodeBuild::Project")
        if _COMMAND in json.dumps(project.properties.get("Source", {}))
        for finding in _check_project(assembly, project, resolver)
    ]


def _check_project(assembly: Assembly, project: Resource, resolver: Resolver) -> Iterator[Finding]:
    source = source_folder(assembly, project, resolver)
    if source is None:
        wrong = "its source is no folder of this assembly, so nothing shows that its pipelines are right"
        yield Finding(NAME, project.where, wrong, "give it an asset as source")
        return
    environment = build_environment(project, resolver)
    try:
        models = list(json.loads((source / environment["MODEL_CONFIG_FILE"]).read_text(encoding="utf-8")))
    except (KeyError, ValueError, OSError) as error:
        where = f"{project.where} MODEL_CONFIG_FILE"
        yield Finding(NAME, where, f"names no models as JSON ({error})", _REMEDY)
        return
    for model, lines in _problems(source, models, environment).items():
        for line in lines:
            yield Finding(NAME, f"{project.where} model {model}", line, _REMEDY)


def _problems(source: Path, models: Sequence[str], environment: Mapping[str, str]) -> dict[str, list[str]]:
    """What the build's own source says against the pipeline of each model; no lines if fine."""
    # No AWS credentials or profile of whoever runs the checks: the description must not need them.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    result = subprocess.run(
        [sys.executable, *_CHECK.split()],
        cwd=source,
        env={**inherited, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if result.returncode == 0:
        return dict(json.loads(result.stdout.splitlines()[-1]))
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    # A traceback: its last line says what.
    wrong = lines[-1] if lines else f"ended with {result.returncode} and no word"
    return {", ".join(models): [wrong]}
