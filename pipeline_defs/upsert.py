"""Build, check and upsert the pipeline of a model, and start it where asked: what CodeBuild runs.

python -m pipeline_defs.upsert --model tags --start --labels-manifest s3://bucket/labels/tags/x.manifest

The environment is that of the build project (stacks/training_stack.py). Prints one line of JSON:
{"pipeline_arn": ..., "execution_arn": ... or null}; without anything to train on, or with `--alone yes` while
another execution runs, nothing is started, and a line says so. `none` stands for a value that is not given:
CodePipeline's variables are never empty. With `--check` it only builds and checks the definition, without a
call to AWS, and prints {"definition": ...}.
"""

import argparse
import hashlib
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from pipeline_defs.classification.start import Classification
from pipeline_defs.common.checks import DefinitionError, check
from pipeline_defs.common.containers import UnknownRegionError
from pipeline_defs.common.executions import running
from pipeline_defs.common.session import prepare_sdk_import
from pipeline_defs.common.settings import Settings, SettingsError
from pipeline_defs.common.sources import Sources
from pipeline_defs.common.task import Clients, Task
from pipeline_defs.detection.start import Detection

ROOT = Path(__file__).parents[1]
_NONE = "none"
_TASKS: Mapping[str, Task] = {"detection": Detection(), "classification": Classification()}


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, str | None]:
    """Upsert, and start with `--start`; the ARNs of the pipeline and of its execution."""
    options = parse(arguments)
    settings = Settings.read(environment, options.model)
    sources = Sources.collect(ROOT).with_files(task_of(settings).files(settings))
    definition = describe(settings, sources.prefix)
    if options.check:
        return {"definition": definition}
    session = boto3.Session(region_name=settings.region)
    clients = Clients(session.client("s3"), session.client("sagemaker"))
    sources.upload(clients.s3, settings.artifacts_bucket)
    pipeline_arn = upsert(clients.sagemaker, settings, definition)
    execution_arn = None
    lacking = task_of(settings).lacking(clients, settings, options) if options.start else ""
    if options.alone and (other := running(clients.sagemaker, settings.model.pipeline_name)):
        lacking = lacking or f"another training runs: {other}"
    if lacking:
        print(f"model {settings.model.name}: not started, {lacking}", file=sys.stderr)
    elif options.start:
        own = task_of(settings).parameters(clients, settings, options)
        parameters = start_parameters(options, environment, own)
        # What is asked for again in another run is meant as another training.
        token = _token(definition, json.dumps(parameters, sort_keys=True), environment.get("RUN", ""))
        execution_arn = start(clients.sagemaker, settings, parameters, token)
    if options.execution_arn_to:
        options.execution_arn_to.write_text(execution_arn or _NONE, encoding="utf-8")
    if options.not_started_to:
        options.not_started_to.write_text(lacking or _NONE, encoding="utf-8")
    return {"pipeline_arn": pipeline_arn, "execution_arn": execution_arn}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pipeline_defs.upsert")
    parser.add_argument("--model", required=True, help="one of the models of edgeline.toml")
    parser.add_argument("--start", action="store_true", help="start an execution of the pipeline")
    parser.add_argument("--check", action="store_true", help="build and check the definition, and print it")
    parser.add_argument(
        "--labels-manifest", type=_given, default="", help="s3 URI of labels that must be visible first"
    )
    parser.add_argument(
        "--as-of", type=_given, default="", help="labels up to this time, 2026-11-21T12:00:00Z; or now"
    )
    parser.add_argument("--seed", type=_seed, help="of the training and of the split")
    parser.add_argument(
        "--dataset-manifest", type=_given, default="", help="s3 URI of a data set to train on again"
    )
    parser.add_argument(
        "--children", type=_given, default="", help="versions for a parent's evaluation: flowers=3,trees=12"
    )
    parser.add_argument("--map50-threshold", type=float, help="a detector's, instead of edgeline.toml's")
    parser.add_argument("--top1-threshold", type=float, help="a classifier's, instead of edgeline.toml's")
    parser.add_argument("--alone", type=_given, default="", help="yes: start none beside another execution")
    parser.add_argument("--not-started-to", type=Path, help=f"file for why nothing was started, or {_NONE}")
    parser.add_argument("--execution-arn-to", type=Path, help=f"file for the execution's ARN, or {_NONE}")
    return parser.parse_args(arguments)


def task_of(settings: Settings) -> Task:
    """Return what the model's task does; raises SettingsError where there is no such task."""
    if settings.model.task not in _TASKS:
        raise SettingsError(f"model {settings.model.name!r}: there is no {settings.model.task} pipeline")
    return _TASKS[settings.model.task]


def describe(settings: Settings, code: str) -> str:
    """Return the definition as JSON, checked; `code` is the prefix of the sources that its jobs run."""
    task = task_of(settings)
    prepare_sdk_import(settings.region)
    logging.getLogger("sagemaker").setLevel(logging.ERROR)
    definition = task.definition(settings, code)
    check(json.loads(definition))
    return definition


def upsert(sagemaker: Any, settings: Settings, definition: str) -> str:
    """Create the pipeline, or update it if it is there; its ARN."""
    values = {
        "PipelineName": settings.model.pipeline_name,
        "PipelineDefinition": definition,
        "RoleArn": settings.pipeline_role_arn,
    }
    try:
        sagemaker.describe_pipeline(PipelineName=settings.model.pipeline_name)
    except sagemaker.exceptions.ResourceNotFound:
        tags = [{"Key": key, "Value": value} for key, value in settings.model.tags.items()]
        made = sagemaker.create_pipeline(**values, Tags=tags, ClientRequestToken=_token(definition))
        return str(made["PipelineArn"])
    return str(sagemaker.update_pipeline(**values)["PipelineArn"])


def start_parameters(
    options: argparse.Namespace, environment: Mapping[str, str], own: Mapping[str, object]
) -> dict[str, str]:
    """Collect the parameters of an execution, with the task's `own`; what is not given keeps its default."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = {
        "AsOf": options.as_of or now,
        "Seed": options.seed,
        "DatasetManifest": options.dataset_manifest,
        "GitCommit": environment.get("GIT_COMMIT"),
        **own,
    }
    return {name: str(value) for name, value in given.items() if value not in (None, "")}


def start(sagemaker: Any, settings: Settings, parameters: Mapping[str, str], token: str) -> str:
    """Start an execution; the same token again gives the execution that there is."""
    execution = sagemaker.start_pipeline_execution(
        PipelineName=settings.model.pipeline_name,
        PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
        ClientRequestToken=token,
    )
    return str(execution["PipelineExecutionArn"])


def _given(text: str) -> str:
    return "" if text == _NONE else text


def _seed(text: str) -> int | None:
    return int(text) if _given(text) else None


def _token(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


if __name__ == "__main__":
    try:
        print(json.dumps(main(sys.argv[1:], os.environ)))
    except (SettingsError, DefinitionError, UnknownRegionError) as error:
        sys.exit(f"error: {error}")
