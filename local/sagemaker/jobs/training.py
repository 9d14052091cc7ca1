"""Training jobs in script mode: channels from S3, the script of a source archive, the model to S3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.cloud.processes import clean_environment
from local.sagemaker.jobs.checkpoints import LOCAL_PATH, Checkpoints
from local.sagemaker.jobs.error import JobError
from local.sagemaker.jobs.job import Command, Place
from local.sagemaker.jobs.script_mode import (
    PROGRAM,
    SUBMIT_DIRECTORY,
    decode_hyperparameters,
    input_data_config,
    resource_config,
    script_arguments,
    script_command,
    script_environment,
)
from local.sagemaker.jobs.spot import check_times
from local.sagemaker.refuse import refuse, refuse_given, refuse_unless
from local.sagemaker.requirements import unsatisfied
from local.sagemaker.s3_transfer import download_object, download_prefix, pack, unpack, upload_file

_CREATE = "CreateTrainingJob"
_FOLDERS = ("code", "model", "input/data", "input/config", "output/data", "output/intermediate")
_INSTALL_SECONDS = 900


class Training:
    """A job that trains a model from channels of data."""

    name = "training-job"
    word = "TrainingJob"
    log_group = "/aws/sagemaker/TrainingJobs"

    def check(self, request: Mapping[str, Any]) -> None:
        """Refuse what is not served, by name."""
        algorithm = request["AlgorithmSpecification"]
        hyperparameters = request.get("HyperParameters", {})
        own = algorithm.get("ContainerEntrypoint")
        if not own and not (PROGRAM in hyperparameters and SUBMIT_DIRECTORY in hyperparameters):
            raise refuse(
                f"an image's own ENTRYPOINT: give the hyperparameters {PROGRAM} and {SUBMIT_DIRECTORY}"
            )
        refuse_given(_CREATE, algorithm, "AlgorithmName")
        refuse_given(_CREATE, request, "InfraCheckConfig", "RetryStrategy")
        check_times(request)
        if not _checkpoint_path(request).startswith("/opt/ml/"):
            raise refuse(
                f"CheckpointConfig.LocalPath={_checkpoint_path(request)!r}, only folders of /opt/ml/"
            )
        refuse_unless("ResourceConfig.InstanceCount", request["ResourceConfig"].get("InstanceCount"), 1)
        refuse_given(f"{_CREATE} ResourceConfig", request["ResourceConfig"], "InstanceGroups")
        refuse_unless("CompressionType", request["OutputDataConfig"].get("CompressionType"), "GZIP")
        modes = [algorithm.get("TrainingInputMode")]
        for channel in request.get("InputDataConfig", []):
            self._check_channel(channel)
            modes.append(channel.get("InputMode"))
        for mode in modes:
            refuse_unless("input mode", mode, "File", "FastFile")

    def _check_channel(self, channel: Mapping[str, Any]) -> None:
        source = channel["DataSource"]
        where = f"{_CREATE} channel {channel['ChannelName']}"
        refuse_given(where, source, "FileSystemDataSource", "DatasetSource")
        refuse_given(where, channel, "ShuffleConfig")
        refuse_unless(f"{where} S3DataType", source["S3DataSource"].get("S3DataType"), "S3Prefix")
        refuse_unless(f"{where} CompressionType", channel.get("CompressionType"), "None")
        refuse_unless(f"{where} RecordWrapperType", channel.get("RecordWrapperType"), "None")

    def download(self, request: Mapping[str, Any], place: Place) -> None:
        """Lay out /opt/ml/input, /opt/ml/code and the empty folders for results."""
        for name in _FOLDERS:
            place.folder.make(f"/opt/ml/{name}")
        channels = {
            channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
            for channel in request.get("InputDataConfig", [])
        }
        config = place.folder.path("/opt/ml/input/config")
        hyperparameters = request.get("HyperParameters", {})
        instance_type = request["ResourceConfig"].get("InstanceType", "")
        _write_json(config / "hyperparameters.json", hyperparameters)
        _write_json(config / "resourceconfig.json", resource_config(instance_type))
        _write_json(config / "inputdataconfig.json", input_data_config(list(channels)))
        for name, uri in channels.items():
            download_prefix(place.s3, uri, place.folder.make(f"/opt/ml/input/data/{name}"))
        if SUBMIT_DIRECTORY in hyperparameters:
            self._fetch_code(str(decode_hyperparameters(hyperparameters)[SUBMIT_DIRECTORY]), place)

    def _fetch_code(self, uri: str, place: Place) -> None:
        code = place.folder.path("/opt/ml/code")
        if not uri.endswith(".tar.gz"):
            download_prefix(place.s3, uri, code)
            return
        archive = place.folder.root / "sourcedir.tar.gz"
        download_object(place.s3, uri, archive)
        unpack(archive, code)

    def checkpoints(self, request: Mapping[str, Any], place: Place) -> Checkpoints | None:
        """Give the folder of CheckpointConfig."""
        if "CheckpointConfig" not in request:
            return None
        folder = place.folder.path(_checkpoint_path(request))
        return Checkpoints(place.s3, folder, request["CheckpointConfig"]["S3Uri"])

    def command(self, request: Mapping[str, Any], place: Place) -> Command:
        """Give the script's command with the toolkit's environment; its requirements are met first."""
        decoded = decode_hyperparameters(request.get("HyperParameters", {}))
        hyperparameters = {name: _led(value, place) for name, value in decoded.items()}
        environment = script_environment(
            place.folder,
            hyperparameters,
            [channel["ChannelName"] for channel in request.get("InputDataConfig", [])],
            job_name=place.name,
            instance_type=request["ResourceConfig"].get("InstanceType", ""),
        )
        given = {"AWS_REGION": place.region, "TRAINING_JOB_ARN": place.arn, **request.get("Environment", {})}
        environment |= {name: place.folder.rewrite(value) for name, value in given.items()}
        environment = {**clean_environment(os.environ), **environment, **place.credentials}
        algorithm = request["AlgorithmSpecification"]
        if own := algorithm.get("ContainerEntrypoint"):
            words = [*own, *algorithm.get("ContainerArguments", [])]
            return Command([place.folder.rewrite(w) for w in words], environment, place.folder.root)
        code = place.folder.path("/opt/ml/code")
        program = str(hyperparameters[PROGRAM])
        if not (code / program).is_file():
            raise JobError(
                f"AlgorithmError: {PROGRAM} {program!r} is not in the archive of {SUBMIT_DIRECTORY}"
            )
        modules = [str(code), *_install_missing(code / "requirements.txt", place)]
        environment["PYTHONPATH"] = os.pathsep.join(modules)
        return Command(script_command(program, script_arguments(hyperparameters)), environment, code)

    def upload(self, request: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """Put model.tar.gz, and output.tar.gz if the script left output, under the job's output path."""
        output = request["OutputDataConfig"]
        base = _output_base(request, place.name)
        for name, archive in (("model", "model.tar.gz"), ("output/data", "output.tar.gz")):
            folder = place.folder.path(f"/opt/ml/{name}")
            if name == "model" or any(folder.iterdir()):
                packed = place.folder.root / archive
                pack(folder, packed)
                upload_file(place.s3, packed, f"{base}/{archive}", output.get("KmsKeyId"))
        return self.promised(request, place.name)

    def promised(self, request: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Tell from the start where the model will be: DescribeTrainingJob cannot answer without it."""
        return {"ModelArtifacts": {"S3ModelArtifacts": f"{_output_base(request, name)}/model.tar.gz"}}


def _checkpoint_path(request: Mapping[str, Any]) -> str:
    return str(request.get("CheckpointConfig", {}).get("LocalPath") or LOCAL_PATH)


def _led(value: Any, place: Place) -> Any:
    """Lead a hyperparameter that names a folder of the container to the job's folder."""
    return place.folder.rewrite(value) if isinstance(value, str) else value


def _output_base(request: Mapping[str, Any], name: str) -> str:
    return f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{name}/output"


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))


def _install_missing(requirements: Path, place: Place) -> list[str]:
    """Install into the job's own folder what the environment lacks, and give the folder; usually nothing."""
    if not unsatisfied(requirements):
        return []
    target = place.folder.root / "site-packages"
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    argv += ["--target", str(target), "-r", str(requirements)]
    environment = clean_environment(os.environ)
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=_INSTALL_SECONDS)
    if done.returncode:
        raise JobError(f"AlgorithmError: InstallRequirementsError: {done.stderr.strip()[-800:]}")
    return [str(target)]
