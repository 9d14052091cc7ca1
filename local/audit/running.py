"""What runs, on an endpoint or on a device, and which model package that is."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.audit.finding import Audit, AuditError
from local.audit.objects import Objects, Unreadable


@dataclass(frozen=True)
class Running:
    """A model package that something runs; `onnx_sha256` where what runs says which bytes it has."""

    package_arn: str
    onnx_sha256: str | None = None


def on_endpoint(audit: Audit, sagemaker: Any, name: str, *, component: str) -> Running:
    """Follow an endpoint, or a component behind it, to its package; AuditError where nothing leads on."""
    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    config = endpoint["EndpointConfigName"]
    audit.holds("endpoint", f"{name}, {endpoint['EndpointStatus']}, config {config}")
    model = _model_behind(sagemaker, component, config)
    described = sagemaker.describe_model(ModelName=model)
    container = described.get("PrimaryContainer") or described["Containers"][0]
    if "ModelPackageName" not in container:
        audit.wrong("model of it", model, "it was not made from a model package")
        raise AuditError(
            f"{component} serves {model}, which names no model package: nothing leads on from there"
        )
    audit.holds("model of it", f"{model}, from {container['ModelPackageName'].rpartition('/')[2]}")
    return Running(container["ModelPackageName"])


def _model_behind(sagemaker: Any, component: str, config: str) -> str:
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    if "ModelName" in variant:
        return str(variant["ModelName"])
    found = sagemaker.describe_inference_component(InferenceComponentName=component)
    return str(found["Specification"]["ModelName"])


def on_device(audit: Audit, session: Any, objects: Objects, thing: str, project: str) -> Running | None:
    """Follow a core device to its model component's package; None where there is no device of this name."""
    greengrass = session.client("greengrassv2")
    try:
        device = greengrass.get_core_device(coreDeviceThingName=thing)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    audit.holds("device", f"{thing}, {device['status']}")
    account, region = session.client("sts").get_caller_identity()["Account"], session.region_name
    partition = session.get_partition_for_region(region)
    ours = f"arn:{partition}:greengrass:{region}:{account}:components:com.{project}.model."
    pages = greengrass.get_paginator("list_installed_components").paginate(coreDeviceThingName=thing)
    for page in pages:
        for installed in page["installedComponents"]:
            running = _of_component(audit, greengrass, objects, installed, ours)
            if running:
                return running
    raise AuditError(f"{thing} has no component that was made from a model package")


def _of_component(
    audit: Audit, greengrass: Any, objects: Objects, installed: Any, ours: str
) -> Running | None:
    name, version = installed["componentName"], installed["componentVersion"]
    arn = f"{ours.partition(':components:')[0]}:components:{name}:versions:{version}"
    if not arn.startswith(ours):
        return None
    tags = greengrass.describe_component(arn=arn).get("tags") or {}
    if "model-package" not in tags:
        return None
    audit.holds("component", f"{name} {version}, {installed['lifecycleState']}")
    recipe = json.loads(greengrass.get_component(arn=arn, recipeOutputFormat="JSON")["recipe"])
    artifact = recipe["Manifests"][0]["Artifacts"][0]
    audit.check("artifact", artifact["Uri"], _artifact_problem(objects, artifact, tags["model-sha256"]))
    return Running(tags["model-package"], tags["model-sha256"])


def _artifact_problem(objects: Objects, artifact: Any, model_sha256: str) -> str | None:
    """The artifact has the digest that the device checked, and holds the model that its tag names."""
    try:
        content = objects.read(artifact["Uri"])
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        if digest != artifact["Digest"]:
            return f"its SHA-256 is {digest}, the recipe says {artifact['Digest']}"
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = hashlib.sha256(archive.read("model.onnx")).hexdigest()
    except (Unreadable, zipfile.BadZipFile, KeyError) as error:
        return str(error)
    return None if found == model_sha256 else f"its model.onnx is {found}, its tag says {model_sha256}"
