"""One execution on its way through the stages of its pipeline."""

from __future__ import annotations

import secrets
import string
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.cloud.errors import AwsError
from local.codepipeline.declaration import Action, artifact_store, resolve, stage_actions
from local.codepipeline.records import ActionRecord, Execution, Location, now
from local.codepipeline.stage_locks import StageLocks, Superseded
from local.codepipeline.work import Abandoned, ActionError, Done, Kind, Work

Identify = Callable[[Execution, Action, str], dict[str, Any]]  # who does it: role_arn, session, call, permit
Observer = Callable[..., None]
_KEY_CHARACTERS = string.ascii_letters + string.digits
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "KMS.AccessDeniedException")


class Run:
    """Goes through the stages; `observe(execution, state, stage=..., record=...)` hears every change."""

    def __init__(
        self,
        execution: Execution,
        locks: StageLocks,
        kinds: Mapping[tuple[str, str], Kind],
        identify: Identify,
        observe: Observer,
    ) -> None:
        self._execution, self._locks, self._kinds = execution, locks, kinds
        self._identify, self._observe = identify, observe

    def go(self, *, first: str | None = None, kept: Sequence[str] = ()) -> None:
        """Go from the stage `first` (the very first one by default) to the end.

        `kept` are actions of that stage that have succeeded before and are not run again.
        """
        resumed = "RESUMED" if first else "STARTED"
        self._observe(self._execution, resumed)
        for stage in self._stages_from(first):
            try:
                entered = self._locks.enter(self._execution, stage["name"])
            except Superseded:
                self._end("Superseded")
                return
            if not entered:
                self._end("Stopped")
                return
            status = self._stage(stage, resumed, kept if stage["name"] == first else ())
            resumed = "STARTED"
            if status != "Succeeded":
                self._end(status)
                return
        self._end("Succeeded")

    def _stages_from(self, first: str | None) -> Sequence[Mapping[str, Any]]:
        stages: Sequence[Mapping[str, Any]] = self._execution.declaration["stages"]
        return stages[[stage["name"] for stage in stages].index(first) if first else 0 :]

    def _end(self, status: str) -> None:
        with self._locks.changed:
            if self._execution.status == "Cancelled":
                return
            self._execution.status, self._execution.updated = status, now()
        self._observe(self._execution, status.upper())

    def _stage(self, stage: Mapping[str, Any], state: str, kept: Sequence[str]) -> str:
        name, status = stage["name"], "Failed"
        try:
            self._mark(name, "InProgress", state)
            status = self._actions(stage, kept)
        finally:
            with self._locks.changed:
                # An update of the pipeline has said it already.
                if self._execution.status != "Cancelled":
                    self._mark(name, status, status.upper())
            ahead = self._stages_from(name)[1:] if status == "Succeeded" else []
            self._locks.leave(self._execution, name, ahead[0]["name"] if ahead else None)
        return status

    def _mark(self, stage: str, status: str, state: str) -> None:
        with self._locks.changed:
            self._execution.stages[stage], self._execution.updated = status, now()
        self._observe(self._execution, state, stage=stage)

    def _actions(self, stage: Mapping[str, Any], kept: Sequence[str]) -> str:
        ordered = sorted(stage_actions(stage), key=lambda action: action.run_order)
        for _, group in groupby(ordered, key=lambda action: action.run_order):
            actions = [action for action in group if action.name not in kept]
            if self._execution.stopping.is_set():
                return "Stopped"
            threads = [
                threading.Thread(target=self._attempt, args=(a,), name=f"action {a.name}", daemon=True)
                for a in actions
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            records = [self._execution.latest(a.stage, a.name) for a in actions]
            if any(record is None or record.status == "Failed" for record in records):
                return "Failed"
            if any(record is not None and record.status == "Abandoned" for record in records):
                return "Stopped"
        return "Stopped" if self._execution.stopping.is_set() else "Succeeded"

    def _attempt(self, action: Action) -> None:
        record = ActionRecord(id=str(uuid.uuid4()), action=action)
        with self._locks.changed:
            self._execution.actions.append(record)
        self._observe(self._execution, "STARTED", record=record)
        try:
            done = self._kinds[action.category, action.provider].run(self._work(action, record))
        except Abandoned:
            self._close(record, "Abandoned")
        except ActionError as error:
            self._close(record, "Failed", error_code=error.code, error=str(error))
        except (AwsError, ClientError, BotoCoreError) as error:
            self._close(record, "Failed", **_told(error, record.role_arn))
        except Exception as error:  # whatever happens, the action ends with what happened
            message = f"InternalError: {type(error).__name__}: {error}"
            self._close(record, "Failed", error_code="InternalError", error=message)
        else:
            self._succeed(record, done)

    def _succeed(self, record: ActionRecord, done: Done) -> None:
        with self._locks.changed:
            record.variables = dict(done.variables)
            record.revision = done.revision
            self._execution.artifacts.update(record.outputs)
        self._close(record, "Succeeded", **({"summary": done.summary} if done.summary else {}))

    def _close(self, record: ActionRecord, status: str, **fields: str) -> None:
        with self._locks.changed:
            if record.status != "InProgress":
                return
            for name, value in fields.items():
                setattr(record, name, value)
            record.status, record.updated, record.token = status, now(), ""
            self._execution.updated = now()
        self._observe(self._execution, status.upper(), record=record)

    def _work(self, action: Action, record: ActionRecord) -> Work:
        execution, store = self._execution, artifact_store(self._execution.declaration)
        self._prepare(action, record)
        return Work(
            id=record.id,
            action=action,
            pipeline=execution.pipeline,
            pipeline_arn=execution.pipeline_arn,
            execution_id=execution.id,
            configuration=dict(record.resolved),
            inputs=dict(record.inputs),
            outputs=dict(record.outputs),
            encryption_key=store.get("encryptionKey", {}).get("id", ""),
            override=execution.overrides.get(action.name),
            revisions={out: revision.id for a, revision in execution.revisions() for out in a.outputs},
            abandoned=execution.unasked if action.category == "Approval" else execution.abandoned,
            report=lambda **fields: self._report(record, fields),
            **self._identify(execution, action, record.id),
        )

    def _prepare(self, action: Action, record: ActionRecord) -> None:
        """Note what the action goes to work with; it stays known when the action then fails."""
        with self._locks.changed:
            record.role_arn = action.role_arn or self._execution.declaration["roleArn"]
            record.inputs = {name: self._execution.artifacts[name] for name in action.inputs}
            record.outputs = {name: self._place(name) for name in action.outputs}
            record.resolved = self._resolved(action)

    def _report(self, record: ActionRecord, fields: Mapping[str, str]) -> None:
        with self._locks.changed:
            for name, value in fields.items():
                setattr(record, name, value)
            record.updated = now()

    def _resolved(self, action: Action) -> dict[str, str]:
        try:
            known = self._execution.namespaces()
            return {key: resolve(text, known) for key, text in action.configuration.items()}
        except KeyError as error:
            message = f"{error.args[0]} in the configuration has no value: the action it names made none"
            raise ActionError("ConfigurationError", message) from None

    def _place(self, artifact: str) -> Location:
        """Give an artifact a place, under a key as AWS makes it."""
        name = "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(7))
        bucket = artifact_store(self._execution.declaration)["location"]
        return Location(bucket, f"{self._execution.pipeline[:20]}/{artifact[:10]}/{name}")


def _told(error: Exception, role_arn: str) -> dict[str, str]:
    if isinstance(error, AwsError):
        code, message = error.code, error.message
    else:
        code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
        message = str(error)
    if code in _DENIED:
        why = f"The role {role_arn} does not have the permissions that the action needs: {message}"
        return {"error_code": "PermissionError", "error": why}
    return {"error_code": "JobFailed", "error": str(error)}
