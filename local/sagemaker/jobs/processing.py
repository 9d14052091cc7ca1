"""Processing jobs: inputs from S3, the container's entrypoint, outputs to S3."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from local.cloud.processes import clean_environment
from local.sagemaker.jobs.checkpoints import Checkpoints
from local.sagemaker.jobs.job import Command, Place
from local.sagemaker.refuse import refuse, refuse_given, refuse_unless
from local.sagemaker.s3_transfer import download_prefix, upload_folder

_CREATE = "CreateProcessingJob"
_LONGEST_MESSAGE = 1024


class Processing:
    """A job that runs any program over data on S3."""

    name = "processing-job"
    word = "ProcessingJob"
    log_group = "/aws/sagemaker/ProcessingJobs"

    def check(self, request: Mapping[str, Any]) -> None:
        """Refuse what is not served, by name."""
        if not request["AppSpecification"].get("ContainerEntrypoint"):
            raise refuse("an image's own ENTRYPOINT: AppSpecification needs ContainerEntrypoint")
        cluster = request["ProcessingResources"]["ClusterConfig"]
        refuse_unless("ClusterConfig.InstanceCount", cluster["InstanceCount"], 1)
        for item in request.get("ProcessingInputs", []):
            refuse_given(f"{_CREATE} input {item['InputName']}", item, "DatasetDefinition")
            self._check_input(item["S3Input"])
        for item in request.get("ProcessingOutputConfig", {}).get("Outputs", []):
            refuse_given(f"{_CREATE} output {item['OutputName']}", item, "FeatureStoreOutput")
            refuse_unless("S3UploadMode", item["S3Output"].get("S3UploadMode"), "EndOfJob")

    def _check_input(self, given: Mapping[str, Any]) -> None:
        refuse_unless("S3DataType", given.get("S3DataType"), "S3Prefix")
        refuse_unless("S3InputMode", given.get("S3InputMode"), "File")
        refuse_unless("S3CompressionType", given.get("S3CompressionType"), "None")

    def promised(self, request: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Tell nothing before the end."""
        return {}

    def download(self, request: Mapping[str, Any], place: Place) -> None:
        """Lay out /opt/ml/config, /opt/ml/processing and /opt/ml/output."""
        config = place.folder.make("/opt/ml/config")
        place.folder.make("/opt/ml/output")
        told = {"ProcessingJobArn": place.arn, **request}
        (config / "processingjobconfig.json").write_text(json.dumps(told, default=str))
        (config / "resourceconfig.json").write_text(
            json.dumps({"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"})
        )
        for item in request.get("ProcessingInputs", []):
            given = item["S3Input"]
            download_prefix(place.s3, given["S3Uri"], place.folder.make(given["LocalPath"]))
        for item in request.get("ProcessingOutputConfig", {}).get("Outputs", []):
            place.folder.make(item["S3Output"]["LocalPath"])

    def checkpoints(self, request: Mapping[str, Any], place: Place) -> Checkpoints | None:
        """Give none: a processing job has no checkpoints."""
        return None

    def command(self, request: Mapping[str, Any], place: Place) -> Command:
        """Give the entrypoint and its arguments with every /opt/ml led to the job's folder."""
        app = request["AppSpecification"]
        words = [*app["ContainerEntrypoint"], *app.get("ContainerArguments", [])]
        given = {
            "AWS_REGION": place.region,
            "PROCESSING_JOB_NAME": place.name,
            **request.get("Environment", {}),
        }
        environment = {name: place.folder.rewrite(value) for name, value in given.items()}
        return Command(
            argv=[place.folder.rewrite(word) for word in words],
            environment={**clean_environment(os.environ), **environment, **place.credentials},
            folder=place.folder.root,
        )

    def upload(self, request: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """Put every output folder on S3; what the program wrote to `message` becomes the exit message."""
        config = request.get("ProcessingOutputConfig", {})
        for item in config.get("Outputs", []):
            output = item["S3Output"]
            folder = place.folder.path(output["LocalPath"])
            upload_folder(place.s3, folder, output["S3Uri"], config.get("KmsKeyId"))
        message = place.folder.path("/opt/ml/output/message")
        return {"ExitMessage": message.read_text()[:_LONGEST_MESSAGE]} if message.is_file() else {}
