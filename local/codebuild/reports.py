"""Report groups, the reports that builds make of their tests, and the reading of both."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.plugin import Attributes, Properties, ResourceContext
from local.codebuild.junit import Case
from local.codebuild.listing import page

Record = dict[str, Any]
_KEPT_DAYS = 30
_BAD = {"FAILED", "ERROR"}


class Reports:
    """The operations on report groups and reports, named as boto3 names them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[str, Record] = {}
        self._reports: dict[str, Record] = {}
        self._cases: dict[str, list[Record]] = {}

    def create_report_group(self, call: Call, **request: Any) -> Record:
        """Serve CreateReportGroup."""
        if request["type"] != "TEST":
            raise AwsError("InvalidInputException", "code coverage is not read by the local cloud")
        if request["exportConfig"].get("exportConfigType", "NO_EXPORT") != "NO_EXPORT":
            raise AwsError("InvalidInputException", "the local cloud exports no raw reports to S3")
        arn = group_arn(call, request["name"])
        now = datetime.now(UTC)
        group = {**request, "arn": arn, "created": now, "lastModified": now, "status": "ACTIVE"}
        with self._lock:
            if arn in self._groups:
                raise AwsError("ResourceAlreadyExistsException", f"Report group already exists: {arn}")
            self._groups[arn] = group
        return {"reportGroup": copy.deepcopy(group)}

    def update_report_group(self, call: Call, *, arn: str, **changes: Any) -> Record:
        """Serve UpdateReportGroup."""
        with self._lock:
            group = self._group(arn)
            group.update(changes, lastModified=datetime.now(UTC))
            return {"reportGroup": copy.deepcopy(group)}

    def delete_report_group(self, call: Call, *, arn: str, deleteReports: bool = False) -> None:  # noqa: N803
        """Serve DeleteReportGroup."""
        with self._lock:
            reports = [key for key, report in self._reports.items() if report["reportGroupArn"] == arn]
            if reports and not deleteReports:
                raise AwsError("InvalidInputException", f"{arn} has reports: delete them with it")
            for key in reports:
                del self._reports[key], self._cases[key]
            self._groups.pop(arn, None)

    def batch_get_report_groups(self, call: Call, *, reportGroupArns: Sequence[str]) -> Record:  # noqa: N803
        """Serve BatchGetReportGroups."""
        found = self._found(self._groups, reportGroupArns)
        missing = [arn for arn in reportGroupArns if arn not in self._groups]
        return {"reportGroups": found, "reportGroupsNotFound": missing}

    def list_report_groups(self, call: Call, **paging: Any) -> Record:
        """Serve ListReportGroups."""
        return page(sorted(self._groups), "reportGroups", paging)

    def list_reports(self, call: Call, **paging: Any) -> Record:
        """Serve ListReports."""
        return page(self._arns(self._reports.values(), paging), "reports", paging)

    def list_reports_for_report_group(self, call: Call, *, reportGroupArn: str, **paging: Any) -> Record:  # noqa: N803
        """Serve ListReportsForReportGroup."""
        with self._lock:
            self._group(reportGroupArn)
        own = [report for report in self._reports.values() if report["reportGroupArn"] == reportGroupArn]
        return page(self._arns(own, paging), "reports", paging)

    def batch_get_reports(self, call: Call, *, reportArns: Sequence[str]) -> Record:  # noqa: N803
        """Serve BatchGetReports."""
        missing = [arn for arn in reportArns if arn not in self._reports]
        return {"reports": self._found(self._reports, reportArns), "reportsNotFound": missing}

    def describe_test_cases(self, call: Call, *, reportArn: str, **paging: Any) -> Record:  # noqa: N803
        """Serve DescribeTestCases."""
        if reportArn not in self._cases:
            raise AwsError("ResourceNotFoundException", f"Report does not exist: {reportArn}")
        asked = paging.get("filter", {})
        chosen = [
            case
            for case in self._cases[reportArn]
            if asked.get("status") in (None, case["status"]) and asked.get("keyword", "") in case["name"]
        ]
        return page(chosen, "testCases", paging)

    def add(self, group: str, build_arn: str, files: Mapping[str, Sequence[Case]]) -> str:
        """Keep a report of tests, by the files that they come from, and return its ARN."""
        arn = f"{group.replace(':report-group/', ':report/')}:{uuid.uuid4()}"
        now = datetime.now(UTC)
        expired = now + timedelta(days=_KEPT_DAYS)
        cases = [_described(case, path, arn, expired) for path, read in files.items() for case in read]
        statuses = [case["status"] for case in cases]
        report = {
            "arn": arn, "type": "TEST", "name": group.rpartition("/")[2], "reportGroupArn": group,
            "executionId": build_arn, "created": now, "expired": expired, "truncated": False,
            "status": "FAILED" if _BAD & set(statuses) else "SUCCEEDED",
            "exportConfig": {"exportConfigType": "NO_EXPORT"},
            "testSummary": {
                "total": len(cases),
                "statusCounts": {status: statuses.count(status) for status in sorted(set(statuses))},
                "durationInNanoSeconds": sum(case["durationInNanoSeconds"] for case in cases),
            },
        }  # fmt: skip
        with self._lock:
            self._reports[arn], self._cases[arn] = report, cases
        return arn

    def __contains__(self, arn: str) -> bool:
        return arn in self._groups

    def _group(self, arn: str) -> Record:
        if arn not in self._groups:
            raise AwsError("ResourceNotFoundException", f"Report group does not exist: {arn}")
        return self._groups[arn]

    def _found(self, records: Mapping[str, Record], arns: Sequence[str]) -> list[Record]:
        with self._lock:
            return [copy.deepcopy(records[arn]) for arn in arns if arn in records]

    def _arns(self, reports: Iterable[Record], paging: Mapping[str, Any]) -> list[str]:
        wanted = paging.get("filter", {}).get("status")
        chosen = [report for report in reports if wanted in (None, report["status"])]
        newest_first = paging.get("sortOrder", "DESCENDING") == "DESCENDING"
        arns = [report["arn"] for report in chosen]
        return arns[::-1] if newest_first else arns


class ReportGroupType:
    """AWS::CodeBuild::ReportGroup."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Make the report group; `Ref` gives its ARN."""
        name = properties.get("Name") or context.physical_name(128)
        export = {"exportConfigType": properties.get("ExportConfig", {}).get("ExportConfigType", "NO_EXPORT")}
        made = self._reports.create_report_group(
            context.call, name=name, type=properties["Type"], exportConfig=export
        )
        return made["reportGroup"]["arn"], {"Arn": made["reportGroup"]["arn"]}

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Keep the group; another name or type is another group."""
        if any(old.get(key) != new.get(key) for key in ("Name", "Type", "ExportConfig")):
            return self.create(new, context)
        return physical_id, {"Arn": physical_id}

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Remove the group, and its reports if the template says so."""
        delete = str(properties.get("DeleteReports", False)).lower() == "true"
        self._reports.delete_report_group(context.call, arn=physical_id, deleteReports=delete)


def group_arn(call: Call, name: str) -> str:
    """Return the ARN of the report group of a name."""
    return call.arn("codebuild", f"report-group/{name}")


def _described(case: Case, path: str, report: str, expired: datetime) -> Record:
    return {
        "reportArn": report, "testRawDataPath": path, "prefix": case.prefix, "name": case.name,
        "status": case.status, "durationInNanoSeconds": case.nanoseconds, "message": case.message,
        "expired": expired, "testSuiteName": case.suite,
    }  # fmt: skip
