"""The CodeBuild API: builds here, projects and reports by the objects that keep them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.parts import Parts
from local.codebuild.builds import Builds
from local.codebuild.listing import page
from local.codebuild.projects import Projects
from local.codebuild.record import Build
from local.codebuild.reports import Reports, group_arn

_TOKEN_SECONDS = 300
_OF_REPORT_GROUPS = ("reportGroupArn", "reportGroupArns", "reportArn", "reportArns", "arn")


class CodeBuildApi(Parts):
    """The operations, named as boto3 names them; those on projects and reports are passed on."""

    def __init__(self, builds: Builds, projects: Projects, reports: Reports) -> None:
        super().__init__(projects, reports)
        self._builds = builds
        self._tokens: dict[str, tuple[float, str, Mapping[str, Any]]] = {}
        self._lock = threading.Lock()

    def resource_arns(self, call: Call, operation: str, parameters: Mapping[str, Any]) -> list[str]:
        """Return the resources that IAM checks, by the service authorization reference."""
        if operation in ("StartBuild", "ListBuildsForProject"):
            return [_project(call, parameters["projectName"])]
        if operation in ("CreateProject", "UpdateProject", "DeleteProject"):
            return [_project(call, parameters["name"])]
        if operation == "BatchGetProjects":
            return [_project(call, name.rpartition("project/")[2]) for name in parameters["names"]]
        if operation == "BatchGetBuilds":
            return [_project(call, _project_of(build_id)) for build_id in parameters["ids"]]
        if operation in ("StopBuild", "RetryBuild"):
            return [_project(call, _project_of(parameters.get("id", "")))]
        if operation == "CreateReportGroup":
            return [group_arn(call, parameters["name"])]
        named = [value for key in _OF_REPORT_GROUPS if (value := parameters.get(key))]
        arns = [arn for value in named for arn in ([value] if isinstance(value, str) else value)]
        return [_group_of(arn) for arn in arns] or ["*"]

    def pass_roles(self, operation: str, parameters: Mapping[str, Any]) -> list[str]:
        """Return the roles that the caller hands to CodeBuild."""
        role = parameters.get("serviceRole") or parameters.get("serviceRoleOverride")
        return [role] if role else []

    def start_build(
        self, call: Call, *, projectName: str, idempotencyToken: str = "", **asked: Any  # noqa: N803
    ) -> dict[str, Build]:  # fmt: skip
        """Serve StartBuild; a token that comes again within five minutes starts nothing."""
        request = {"projectName": projectName, **asked}
        with self._lock:
            began, build_id, before = self._tokens.get(idempotencyToken, (0.0, "", {}))
            if idempotencyToken and time.monotonic() - began < _TOKEN_SECONDS and build_id:
                if before != request:
                    message = f"idempotencyToken {idempotencyToken}: the parameters are not those of before"
                    raise AwsError("InvalidInputException", message)
                return {"build": self._builds.get(build_id)}
            build_id = self._builds.begin(call, projectName, asked)
            if idempotencyToken:
                self._tokens[idempotencyToken] = (time.monotonic(), build_id, request)
        return {"build": self._builds.get(build_id)}

    def retry_build(self, call: Call, *, id: str = "", idempotencyToken: str = "") -> dict[str, Build]:  # noqa: N803
        """Serve RetryBuild: a new build, started as the one before was."""
        return {"build": self._builds.get(self._builds.again(call, id))}

    def stop_build(self, call: Call, *, id: str) -> dict[str, Build]:
        """Serve StopBuild."""
        return {"build": self._builds.end(id)}

    def batch_get_builds(self, call: Call, *, ids: Sequence[str]) -> dict[str, Any]:
        """Serve BatchGetBuilds, by id or ARN."""
        wanted = [name.rpartition(":build/")[2] for name in ids]
        found = [self._builds.get(name) for name in wanted if name in self._builds]
        return {"builds": found, "buildsNotFound": [name for name in wanted if name not in self._builds]}

    def list_builds(self, call: Call, **paging: Any) -> dict[str, Any]:
        """Serve ListBuilds, the latest first unless asked otherwise."""
        return page(_sorted(self._builds.ids(), paging), "ids", paging)

    def list_builds_for_project(self, call: Call, *, projectName: str, **paging: Any) -> dict[str, Any]:  # noqa: N803
        """Serve ListBuildsForProject, the latest first unless asked otherwise."""
        return page(_sorted(self._builds.ids(projectName), paging), "ids", paging)


def _sorted(ids: list[str], paging: Mapping[str, Any]) -> list[str]:
    return ids if paging.get("sortOrder") == "ASCENDING" else ids[::-1]


def _project(call: Call, name: str) -> str:
    return call.arn("codebuild", f"project/{name}")


def _project_of(build: str) -> str:
    return build.rpartition(":build/")[2].partition(":")[0]


def _group_of(arn: str) -> str:
    kind, report, rest = arn.partition(":report/")
    return f"{kind}:report-group/{rest.partition(':')[0]}" if report else arn
