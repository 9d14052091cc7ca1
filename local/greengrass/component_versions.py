# ruff: noqa: N803 - parameters are named as the API names them
"""The part of the GreengrassV2 API that is about components and their versions."""

import base64
import hashlib
import json
import time
from typing import Any

import yaml
from botocore.exceptions import ClientError

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.greengrass.answers import Backing, Once, Parameters, page_of
from local.greengrass.fleet import Component, Fleet
from local.greengrass.recipe import Artifact, BadRecipe, Recipe, parse_recipe, with_digests


class ComponentVersions:
    """The account's own components; the public ones of AWS are not served."""

    def __init__(self, fleet: Fleet, backing: Backing, once: Once) -> None:
        self._fleet, self._backing, self._once = fleet, backing, once

    def create_component_version(self, call: Call, **parameters: Any) -> Parameters:
        """Create a version from an inline recipe. A second one of the same version is a conflict."""
        if "lambdaFunction" in parameters:
            raise AwsError(
                "UnsupportedOperation", "CreateComponentVersion with lambdaFunction is not served", 501
            )
        return self._once(
            "CreateComponentVersion", parameters, lambda: self._create_component_version(call, parameters)
        )

    def _create_component_version(self, call: Call, parameters: Parameters) -> Parameters:
        recipe = parsed_recipe(parameters)
        arn = call.arn("greengrass", f"components:{recipe.name}:versions:{recipe.version}")
        digests = self._digests(call, recipe)
        with self._fleet.lock:
            if (recipe.name, recipe.version) in self._fleet.components:
                raise AwsError(
                    "ConflictException",
                    f"Component [{recipe.name} : {recipe.version}] for account [{call.account}] already"
                    " exists with state: [DEPLOYABLE]",
                    409,
                )
            component = Component(arn, with_digests(recipe, digests), time.time(), parameters.get("tags", {}))
            self._fleet.components[recipe.name, recipe.version] = component
        return {
            "arn": arn,
            "componentName": recipe.name,
            "componentVersion": str(recipe.version),
            "creationTimestamp": component.created,
            "status": _COMPONENT_STATUS,
        }

    def _digests(self, call: Call, recipe: Recipe) -> dict[str, str]:
        """Read each artifact with the caller's rights, as AWS does when a version is created."""
        problems, digests = {}, {}
        for artifact in recipe.artifacts:
            try:
                self._backing.require(call, "s3:GetObject", f"arn:aws:s3:::{artifact.bucket}/{artifact.key}")
                digests[artifact.uri] = self._digest(artifact)
            except (AwsError, ClientError) as error:
                problems[artifact.uri] = f"Specified artifact resource cannot be accessed: {error}"
        if problems:
            raise AwsError("ValidationException", f"Encountered following errors in Artifacts: {problems}")
        return digests

    def _digest(self, artifact: Artifact) -> str:
        body = self._backing.client("s3").get_object(Bucket=artifact.bucket, Key=artifact.key)["Body"]
        digest = hashlib.sha256()
        for chunk in body.iter_chunks(1 << 20):
            digest.update(chunk)
        return base64.b64encode(digest.digest()).decode()

    def describe_component(self, call: Call, arn: str) -> Parameters:
        """Describe one version."""
        component = self.component(arn)
        document = component.recipe.document
        return {
            "arn": arn,
            "componentName": component.recipe.name,
            "componentVersion": str(component.recipe.version),
            "creationTimestamp": component.created,
            "publisher": document.get("ComponentPublisher"),
            "description": document.get("ComponentDescription"),
            "status": _COMPONENT_STATUS,
            "platforms": [],
            "tags": component.tags,
        }

    def get_component(self, call: Call, arn: str, recipeOutputFormat: str = "JSON") -> Parameters:
        """Return a version's recipe, with the digests of its artifacts."""
        component = self.component(arn)
        document = component.recipe.document
        text = yaml.safe_dump(document) if recipeOutputFormat == "YAML" else json.dumps(document)
        return {"recipeOutputFormat": recipeOutputFormat, "recipe": text.encode(), "tags": component.tags}

    def list_components(self, call: Call, scope: str = "PRIVATE", **page: Any) -> Parameters:
        """List components with their latest versions; the public ones of AWS are not served."""
        latest: dict[str, Component] = {}
        with self._fleet.lock:
            for (name, _), component in sorted(self._fleet.components.items()):
                latest[name] = component
        if scope != "PRIVATE":
            raise AwsError("UnsupportedOperation", f"ListComponents of scope {scope} is not served", 501)
        entries = [
            {
                "arn": component.arn.partition(":versions:")[0],
                "componentName": name,
                "latestVersion": {
                    "arn": component.arn,
                    "componentVersion": str(component.recipe.version),
                    "creationTimestamp": component.created,
                },
            }
            for name, component in latest.items()
        ]
        return page_of(entries, "components", page)

    def list_component_versions(self, call: Call, arn: str, **page: Any) -> Parameters:
        """List the versions of a component, the highest first."""
        with self._fleet.lock:
            found = [c for c in self._fleet.components.values() if c.arn.partition(":versions:")[0] == arn]
        if not found:
            raise AwsError("ResourceNotFoundException", f"The component {arn} does not exist", 404)
        found.sort(key=lambda component: component.recipe.version, reverse=True)
        entries = [
            {"componentName": c.recipe.name, "componentVersion": str(c.recipe.version), "arn": c.arn}
            for c in found
        ]
        return page_of(entries, "componentVersions", page)

    def delete_component(self, call: Call, arn: str) -> None:
        """Delete one version; devices that have it keep it."""
        component = self.component(arn)
        with self._fleet.lock:
            del self._fleet.components[component.recipe.name, component.recipe.version]

    def component(self, arn: str) -> Component:
        """Give a version by its ARN."""
        with self._fleet.lock:
            for component in self._fleet.components.values():
                if component.arn == arn:
                    return component
        raise AwsError("ResourceNotFoundException", f"The component {arn} does not exist", 404)


def parsed_recipe(parameters: Parameters) -> Recipe:
    """Read the recipe of a CreateComponentVersion request; AwsError ValidationException if it is none."""
    try:
        return parse_recipe(parameters.get("inlineRecipe", b""))
    except BadRecipe as error:
        raise AwsError("ValidationException", f"inlineRecipe: {error}") from error


_COMPONENT_STATUS = {
    "componentState": "DEPLOYABLE",
    "message": "NONE",
    "errors": {},
    "vendorGuidance": "ACTIVE",
}
