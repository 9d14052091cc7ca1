"""A build in place of the one that starts SageMaker pipelines: it ends within a second, as it is told."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

# Does what upsert.py does, with a pipeline of one step: `outcome` is told by a file, `hold` lets it wait.
_BUILD = """
import json, os, pathlib, time, uuid
import boto3

told = pathlib.Path({folder!r})
model = os.environ["MODEL"]
while (told / f"hold-{{model}}").exists():
    time.sleep(0.05)
outcome = (told / model).read_text() if (told / model).exists() else "register"
if outcome == "broken":
    raise SystemExit("the definition is not valid: a step is missing")
arn, reason = "none", "none"
if outcome == "nothing":
    reason = "there is nothing to train on"
else:
    sagemaker, name = boto3.client("sagemaker"), "{name}-" + model
    fail = {{"Name": "TooLow", "Type": "Fail", "Arguments": {{"ErrorMessage": "top1 0.4 is below 0.6"}}}}
    register = {{"Name": "Register", "Type": "RegisterModel", "Arguments": {{
        "ModelPackageGroupName": name, "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {{
            "Containers": [{{"Image": "image:1", "ModelDataUrl": "s3://bucket/model.tar.gz"}}],
            "SupportedContentTypes": ["application/x-image"],
            "SupportedResponseMIMETypes": ["application/json"],
        }},
    }}}}
    steps = [register if outcome == "register" else fail]
    definition = json.dumps({{"Version": "2020-12-01", "Metadata": {{}}, "Parameters": [], "Steps": steps}})
    role = os.environ["PIPELINE_ROLE_ARN"]
    values = {{"PipelineName": name, "PipelineDefinition": definition, "RoleArn": role}}
    try:
        sagemaker.update_pipeline(**values)
    except sagemaker.exceptions.ResourceNotFound:
        sagemaker.create_pipeline(**values, ClientRequestToken=uuid.uuid4().hex)
    arn = sagemaker.start_pipeline_execution(
        PipelineName=name, ClientRequestToken=uuid.uuid4().hex)["PipelineExecutionArn"]
    (told / f"seen-{{model}}").write_text(json.dumps(dict(os.environ)))
pathlib.Path("arn").write_text(arn)
pathlib.Path("reason").write_text(reason)
"""


def stand_in(folder: Path, name: str) -> dict[str, Any]:
    """The buildspec; what the builds of a model come to is told in `folder`."""
    script = folder / "build.py"
    script.write_text(textwrap.dedent(_BUILD.format(folder=str(folder), name=name)))
    exported = {"PIPELINE_EXECUTION_ARN": "arn", "NOT_STARTED": "reason"}
    exports = [f'export {variable}="$(cat {file})"' for variable, file in exported.items()]
    return {
        "version": "0.2",
        "env": {"exported-variables": list(exported)},
        "phases": {"build": {"commands": [f"python {script}", *exports]}},
    }
