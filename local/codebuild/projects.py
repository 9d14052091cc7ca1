"""Build projects: the API's operations on them, and AWS::CodeBuild::Project."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import botocore.session

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.plugin import Attributes, Properties, ResourceContext
from local.cloud.shapes import report
from local.codebuild import unserved
from local.codebuild.listing import page

Project = dict[str, Any]
_DEFAULTS = {
    "cache": {"type": "NO_CACHE"},
    "timeoutInMinutes": 60,
    "queuedTimeoutInMinutes": 480,
    "tags": [],
}


class Projects:
    """The operations on projects, named as boto3 names them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._projects: dict[str, Project] = {}

    def create_project(self, call: Call, **request: Any) -> dict[str, Project]:
        """Serve CreateProject."""
        name = request["name"]
        now = datetime.now(UTC)
        with self._lock:
            if name in self._projects:
                raise AwsError("ResourceAlreadyExistsException", f"Project already exists: {name}")
            self._projects[name] = _completed(call, request, created=now)
            return {"project": copy.deepcopy(self._projects[name])}

    def update_project(self, call: Call, *, name: str, **changes: Any) -> dict[str, Project]:
        """Serve UpdateProject: what it does not name stays."""
        with self._lock:
            old = self._find(name)
            kept = {key: value for key, value in old.items() if key not in ("arn", "created", "badge")}
            self._projects[name] = _completed(call, {**kept, **changes}, created=old["created"])
            return {"project": copy.deepcopy(self._projects[name])}

    def replace(self, call: Call, request: Mapping[str, Any]) -> None:
        """Make the project just what `request` says, as CloudFormation's update does."""
        with self._lock:
            old = self._find(request["name"])
            self._projects[request["name"]] = _completed(call, request, created=old["created"])

    def delete_project(self, call: Call, *, name: str) -> None:
        """Serve DeleteProject; one that is gone already is no error."""
        with self._lock:
            self._projects.pop(name, None)

    def batch_get_projects(self, call: Call, *, names: Sequence[str]) -> dict[str, Any]:
        """Serve BatchGetProjects, by name or ARN."""
        wanted = [name.rpartition("project/")[2] for name in names]
        with self._lock:
            found = [copy.deepcopy(self._projects[name]) for name in wanted if name in self._projects]
            missing = [name for name in wanted if name not in self._projects]
        return {"projects": found, "projectsNotFound": missing}

    def list_projects(self, call: Call, **paging: Any) -> dict[str, Any]:
        """Serve ListProjects."""
        key = {"CREATED_TIME": "created", "LAST_MODIFIED_TIME": "lastModified"}.get(
            paging.get("sortBy", "NAME"), "name"
        )
        with self._lock:
            ordered = sorted(self._projects.values(), key=lambda project: project[key])
        names = [project["name"] for project in ordered]
        return page(names[::-1] if paging.get("sortOrder") == "DESCENDING" else names, "projects", paging)

    def get(self, name: str) -> Project:
        """Return a project; AwsError ResourceNotFoundException where there is none."""
        with self._lock:
            return copy.deepcopy(self._find(name))

    def _find(self, name: str) -> Project:
        if name not in self._projects:
            raise AwsError("ResourceNotFoundException", f"Project cannot be found: {name}")
        return self._projects[name]


class ProjectType:
    """AWS::CodeBuild::Project."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects
        model = botocore.session.Session().get_service_model("codebuild")
        self._shape = model.operation_model("CreateProject").input_shape

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Make the project; `Ref` gives its name."""
        request = self._request(properties, properties.get("Name") or context.physical_name(150))
        made = self._projects.create_project(context.call, **request)["project"]
        return made["name"], {"Arn": made["arn"]}

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Change the project in place; another name is another project."""
        if new.get("Name", physical_id) != physical_id:
            return self.create(new, context)
        self._projects.replace(context.call, self._request(new, physical_id))
        return physical_id, {"Arn": context.call.arn("codebuild", f"project/{physical_id}")}

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Remove the project."""
        self._projects.delete_project(context.call, name=physical_id)

    def _request(self, properties: Properties, name: str) -> dict[str, Any]:
        given = {key: value for key, value in properties.items() if key not in ("Name", "Visibility")}
        if given.pop("Triggers", {}).get("Webhook") not in (None, False, "false"):
            raise unserved.refused(name, "Triggers: there are no webhooks")
        if properties.get("Visibility", "PRIVATE") != "PRIVATE":
            raise unserved.refused(name, "Visibility: there are no public builds")
        request = {**_to_api(given, self._shape, "AWS::CodeBuild::Project"), "name": name}
        if problems := report(request, self._shape):
            raise AwsError("InvalidInputException", f"project {name}: {problems}")
        return request


def _completed(call: Call, request: Mapping[str, Any], *, created: datetime) -> Project:
    unserved.check(request)
    name = request["name"]
    key = f"arn:aws:kms:{call.region}:{call.account}:alias/aws/s3"
    return {
        **_DEFAULTS,
        "encryptionKey": key,
        **{name: value for name, value in request.items() if name != "badgeEnabled"},
        "arn": call.arn("codebuild", f"project/{name}"),
        "badge": {"badgeEnabled": False},
        "created": created,
        "lastModified": datetime.now(UTC),
    }


def _to_api(value: Any, shape: Any, where: str) -> Any:
    """Turn a template's properties into the API's: names in its spelling, text into numbers and flags."""
    kind = shape.type_name
    if kind == "structure":
        members = {name.lower(): name for name in shape.members}
        unknown = [key for key in value if key.lower() not in members]
        if unknown:
            raise AwsError("InvalidInputException", f"{where}: {', '.join(unknown)} is unknown")
        named = [(members[key.lower()], item) for key, item in value.items()]
        return {name: _to_api(item, shape.members[name], f"{where}.{name}") for name, item in named}
    if kind == "list":
        return [_to_api(item, shape.member, where) for item in value]
    if kind == "boolean":
        return str(value).lower() == "true"
    if kind in ("integer", "long"):
        return int(value)
    return str(value) if kind == "string" else value
