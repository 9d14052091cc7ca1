"""Build, check and upsert the pipeline of a model, and start it where asked: what CodeBuild runs.

python -m pipeline_defs.upsert --model tags --start --labels-manifest s3://bucket/labels/tags/x.manifest

The environment is that of the build project (stacks/training_stack.py). Prints one line of JSON:
{"pipeline_arn": ..., "execution_arn": ... or null}; without labels to train on nothing is started, and a line
says so. `none` stands for a value that is not given: CodePipeline's variables are never empty. With `--check`
it only builds and checks the definition, without a call to AWS, and prints {"definition": ...}.
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

from pipeline_defs.common.checks import DefinitionError, check
from pipeline_defs.common.containers import UnknownRegionError
from pipeline_defs.common.session import prepare_sdk_import
from pipeline_defs.common.settings import Settings, SettingsError
from pipeline_defs.common.sources import Sources

ROOT = Path(__file__).parents[1]
_NONE = "none"


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, str | None]:
    """Upsert, and start with `--start`; the ARNs of the pipeline and of its execution."""
    options = parse(arguments)
    settings = Settings.read(environment, options.model)
    sources = Sources.collect(ROOT)
    definition = describe(settings, sources.prefix)
    if options.check:
        return {"definition": definition}
    session = boto3.Session(region_name=settings.region)
    s3 = session.client("s3")
    sources.upload(s3, settings.artifacts_bucket)
    sagemaker = session.client("sagemaker")
    pipeline_arn = upsert(sagemaker, settings, definition)
    execution_arn = None
    if options.start and not (options.labels_manifest or has_labels(s3, settings)):
        print(f"model {settings.model.name}: not started, there are no labels yet", file=sys.stderr)
    elif options.start:
        parameters = start_parameters(options, environment)
        execution_arn = start(sagemaker, settings, definition, parameters)
    if options.execution_arn_to:
        options.execution_arn_to.write_text(execution_arn or _NONE, encoding="utf-8")
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
    parser.add_argument("--as-of", default="", help="labels up to this time, 2026-11-21T12:00:00Z; or now")
    parser.add_argument("--seed", type=_seed, help="of the training and of the split")
    parser.add_argument("--map50-threshold", type=float, help="instead of the one of edgeline.toml")
    parser.add_argument("--execution-arn-to", type=Path, help=f"file for the execution's ARN, or {_NONE}")
    return parser.parse_args(arguments)


def has_labels(s3: Any, settings: Settings) -> bool:
    """Tell whether labeling has ever left labels for the model."""
    prefix = f"labels/{settings.model.name}/"
    found = s3.list_objects_v2(Bucket=settings.artifacts_bucket, Prefix=prefix, MaxKeys=1)
    return bool(found["KeyCount"])


def describe(settings: Settings, code: str) -> str:
    """Return the definition as JSON, checked; `code` is the prefix of the sources that its jobs run."""
    if settings.model.task != "detection":
        raise SettingsError(f"model {settings.model.name!r}: there is no {settings.model.task} pipeline")
    prepare_sdk_import(settings.region)
    logging.getLogger("sagemaker").setLevel(logging.ERROR)
    # The SDK takes seconds to import, and needs the environment that was set just now.
    from pipeline_defs.detection.pipeline import get_pipeline

    definition: str = get_pipeline(settings, code).definition()
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


def start_parameters(options: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, str]:
    """Collect the parameters of an execution; the ones that are not given keep the pipeline's defaults."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = {
        "LabelsManifest": options.labels_manifest,
        "AsOf": options.as_of or now,
        "Seed": options.seed,
        "Map50Threshold": options.map50_threshold,
        "GitCommit": environment.get("GIT_COMMIT"),
    }
    return {name: str(value) for name, value in given.items() if value not in (None, "")}


def start(sagemaker: Any, settings: Settings, definition: str, parameters: Mapping[str, str]) -> str:
    """Start an execution; the same definition and parameters again give the execution that there is."""
    execution = sagemaker.start_pipeline_execution(
        PipelineName=settings.model.pipeline_name,
        PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
        ClientRequestToken=_token(definition, json.dumps(parameters, sort_keys=True)),
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
