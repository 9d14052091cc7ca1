"""The deploy action CloudFormation, by the API of the local cloud's own CloudFormation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.codepipeline.actions import stack_files
from local.codepipeline.work import ActionError, Done, Work, zipped

_LARGEST_BODY = 51200
_LONGEST_SECONDS = 3 * 24 * 3600
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
Upload = Callable[[str, str, str], str]  # bucket, key, content of a template -> its URL
CheckRole = Callable[[Work, str], None]  # AwsError unless the work may pass the role to CloudFormation


@dataclass(frozen=True)
class CloudFormationAction:
    """Creates, replaces and executes change sets; creates, updates and deletes stacks."""

    upload: Upload
    check_role: CheckRole

    def run(self, work: Work) -> Done:
        """Do the action."""
        modes = {
            "CHANGE_SET_REPLACE": self._replace,
            "CHANGE_SET_EXECUTE": self._execute,
            "CREATE_UPDATE": self._create_or_update,
            "DELETE_ONLY": self._delete,
        }
        if role := work.configuration.get("RoleArn"):
            self.check_role(work, role)
        return modes[work.configuration["ActionMode"]](work, work.session.client("cloudformation"))

    def _replace(self, work: Work, client: Any) -> Done:
        names = _names(work)
        stack = _stack(client, names["StackName"])
        new = stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS"
        if not new:
            _require_stable(stack)
        _delete_change_set(client, names)
        request = {**self._request(work), "ChangeSetType": "CREATE" if new else "UPDATE"}
        made = client.create_change_set(**names, **request)
        work.report(external_id=made["Id"])

        def looked_at() -> dict[str, Any] | None:
            found: dict[str, Any] = client.describe_change_set(**names)
            return None if found["Status"].endswith(("_PENDING", "_IN_PROGRESS")) else found

        found = work.until(looked_at, _LONGEST_SECONDS, "The change set")
        if found["Status"] == "CREATE_COMPLETE":
            return Done(summary=f"Change set {names['ChangeSetName']} was created.")
        if _is_empty(found):
            return Done(summary=f"Change set {names['ChangeSetName']} is empty.")
        raise ActionError(
            "JobFailed", f"Change set {names['ChangeSetName']}: {found.get('StatusReason', '')}"
        )

    def _execute(self, work: Work, client: Any) -> Done:
        names = _names(work)
        found = client.describe_change_set(**names)
        if _is_empty(found):
            stack = _stack(client, names["StackName"]) or {}
            return _deployed(work, stack, f"Change set {names['ChangeSetName']} is empty.")
        before = _seen_events(client, names["StackName"])
        client.execute_change_set(**names)
        return _settled(work, client, found["StackId"], before)

    def _create_or_update(self, work: Work, client: Any) -> Done:
        name = work.configuration["StackName"]
        stack, request = _stack(client, name), self._request(work)
        if stack is None:
            made = client.create_stack(StackName=name, **request)
            return _settled(work, client, made["StackId"], set())
        _require_stable(stack)
        before = _seen_events(client, name)
        try:
            client.update_stack(StackName=name, **request)
        except ClientError as error:
            if not any(words in str(error) for words in _NO_CHANGES):
                raise
            return _deployed(work, stack, "No updates are to be performed.")
        return _settled(work, client, stack["StackId"], before)

    def _delete(self, work: Work, client: Any) -> Done:
        name = work.configuration["StackName"]
        stack = _stack(client, name)
        if stack is None:
            return Done(summary=f"Stack {name} does not exist.")
        arn, before = stack["StackId"], _seen_events(client, name)
        client.delete_stack(StackName=name, RoleARN=work.configuration["RoleArn"])
        work.report(external_id=arn)

        def gone() -> str | None:
            status = (_stack(client, arn) or {"StackStatus": "DELETE_COMPLETE"})["StackStatus"]
            return None if status.endswith("_IN_PROGRESS") else str(status)

        status = work.until(gone, _LONGEST_SECONDS, f"The deletion of {name}")
        if status != "DELETE_COMPLETE":
            raise ActionError("JobFailed", f"Stack {name} is {status}: {_reasons(client, arn, before)}")
        return Done(summary=f"Stack {name} was deleted.")

    def _request(self, work: Work) -> dict[str, Any]:
        text = stack_files.template(work)
        request = {
            **stack_files.configuration(work).members(),
            "RoleARN": work.configuration["RoleArn"],
            "Capabilities": [c for c in work.configuration.get("Capabilities", "").split(",") if c],
        }
        if len(text.encode()) <= _LARGEST_BODY:
            return {**request, "TemplateBody": text}
        bucket = next(iter(work.inputs.values())).bucket
        key = f"{work.pipeline[:20]}/templates/{hashlib.sha256(text.encode()).hexdigest()}"
        return {**request, "TemplateURL": self.upload(bucket, key, text)}


def _names(work: Work) -> dict[str, str]:
    return {key: work.configuration[key] for key in ("StackName", "ChangeSetName")}


def _stack(client: Any, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def _require_stable(stack: Mapping[str, Any] | None) -> None:
    """Refuse, as CloudFormation does, a stack that cannot be updated: one in motion, one never made."""
    status = stack["StackStatus"] if stack else ""
    if status.endswith("_IN_PROGRESS") or status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
        name = stack["StackId"] if stack else ""
        raise ActionError("JobFailed", f"Stack:{name} is in {status} state and can not be updated.")


def _delete_change_set(client: Any, names: Mapping[str, str]) -> None:
    try:
        client.describe_change_set(**names)
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return
    client.delete_change_set(**names)


def _is_empty(change_set: Mapping[str, Any]) -> bool:
    reason = change_set.get("StatusReason", "")
    return change_set["Status"] == "FAILED" and any(words in reason for words in _NO_CHANGES)


def _settled(work: Work, client: Any, stack_id: str, before: set[str]) -> Done:
    """Wait until the stack is stable; what failed is told with the resources' reasons."""
    work.report(external_id=stack_id)

    def stable() -> dict[str, Any] | None:
        found = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    stack = work.until(stable, _LONGEST_SECONDS, f"The stack {stack_id}")
    if stack["StackStatus"] not in _DEPLOYED:
        why = _reasons(client, stack_id, before) or stack.get("StackStatusReason", "")
        raise ActionError("JobFailed", f"Stack {stack['StackName']} is {stack['StackStatus']}: {why}")
    return _deployed(work, stack, f"Stack {stack['StackName']} is {stack['StackStatus']}.")


def _deployed(work: Work, stack: Mapping[str, Any], summary: str) -> Done:
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
    if work.action.outputs:
        name = work.configuration.get("OutputFileName", "")
        work.put(work.action.outputs[0], zipped({name: json.dumps(outputs)} if name else {}))
    return Done(variables=outputs, summary=summary)


def _seen_events(client: Any, stack: str) -> set[str]:
    return {event["EventId"] for event in _events(client, stack)}


def _events(client: Any, stack: str) -> list[dict[str, Any]]:
    """Give the stack's events, as far as the role may read them: only the reasons depend on them."""
    try:
        found: list[dict[str, Any]] = client.describe_stack_events(StackName=stack)["StackEvents"]
    except ClientError:
        return []
    return found


def _reasons(client: Any, stack: str, before: set[str]) -> str:
    failed = [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in reversed(_events(client, stack))
        if event["EventId"] not in before
        and event["ResourceStatus"].endswith("_FAILED")
        and event.get("ResourceStatusReason")
        and "cancelled" not in event["ResourceStatusReason"]
    ]
    return "; ".join(dict.fromkeys(failed))
