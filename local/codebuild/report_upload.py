"""The test results of a build, read and sent to their report groups in the name of the build's role."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.cloud.errors import AwsError
from local.codebuild.buildspec import Files
from local.codebuild.file_set import selected
from local.codebuild.junit import Case, JUnitError, read
from local.codebuild.phase_error import PhaseError
from local.codebuild.reports import Reports, group_arn
from local.codebuild.role_access import RoleAccess

_ACTIONS = ("CreateReport", "UpdateReport", "BatchPutTestCases")


def send_reports(
    asked: Mapping[str, Files],
    source: Path,
    *,
    reports: Reports,
    access: RoleAccess,
    build: Mapping[str, Any],
) -> list[str]:
    """Make the reports that a buildspec asks for, by group, and return their ARNs; raises PhaseError."""
    arns, problems = [], []
    for group, files in asked.items():
        try:
            cases = _read(files, source)
            arns.append(reports.add(_group(group, reports, access, build), build["arn"], cases))
        except (JUnitError, AwsError) as error:
            message = error.message if isinstance(error, AwsError) else str(error)
            problems.append(f"{group}: [{message}]")
    if problems:
        raise PhaseError("CLIENT_ERROR", f"Error in UPLOAD_ARTIFACTS phase: [{', '.join(problems)}]")
    return arns


def _read(files: Files, source: Path) -> dict[str, list[Case]]:
    found = selected(files, source)
    if not found:
        raise JUnitError("report files not found in build")
    cases = {}
    for name, path in found.items():
        try:
            cases[name] = read(path.read_bytes())
        except JUnitError as error:
            raise JUnitError(f"{name}: {error}") from error
    return cases


def _group(name: str, reports: Reports, access: RoleAccess, build: Mapping[str, Any]) -> str:
    """Return the ARN of a report group that is named by its ARN, or made for the project where it is not."""
    call = access.call
    own = f"{build['projectName']}-{name}"
    arn = name if name.startswith("arn:") else group_arn(call, own)
    if arn not in reports:
        if name.startswith("arn:"):
            raise AwsError("ResourceNotFoundException", f"Report group does not exist: {arn}")
        access.require("codebuild:CreateReportGroup", arn)
        export = {"exportConfigType": "NO_EXPORT"}
        reports.create_report_group(call, name=own, type="TEST", exportConfig=export)
    for action in _ACTIONS:
        access.require(f"codebuild:{action}", arn)
    return arn
