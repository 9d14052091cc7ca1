"""The record of a release: held by the ledger's hash, and holding every object that it names."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from audited_chain import ARN, FakeS3
from botocore.exceptions import ClientError

from local.audit import release
from local.audit.finding import Audit, AuditError
from local.audit.objects import Objects

RECORD = "s3://artifacts/releases/tags/3/release.json"
EVALUATION = "s3://artifacts/runs/tags/abc/evaluation/evaluation.json"


class FakeSession:
    """The ledger's table with its entries, newest first, behind the stack's outputs."""

    def __init__(self, entries: list[dict[str, str]], outputs: dict[str, str] | None = None) -> None:
        self._entries = entries
        self._outputs = {"ReleasesTable": "ledger"} if outputs is None else outputs
        self.name, self.meta = "ledger", self

    def client(self, service: str) -> "FakeSession":
        return self

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        if StackName != "edgeline-promotion":
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "absent"}}, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self._outputs.items()]
        return {"Stacks": [{"Outputs": outputs}]}

    def resource(self, service: str) -> Any:
        session = self

        class Resource:
            def Table(self, name: str) -> Any:  # noqa: N802
                assert name == "ledger"

                class Table:
                    name = "ledger"

                    class meta:  # noqa: N801
                        client = session

                return Table()

        return Resource()

    def get_paginator(self, operation: str) -> "FakeSession":
        assert operation == "query"
        return self

    def paginate(self, **query: Any) -> Iterator[dict[str, Any]]:
        assert query["ScanIndexForward"] is False
        yield {"Items": []}
        yield {"Items": self._entries}


@pytest.fixture
def s3() -> FakeS3:
    made = FakeS3()
    made.objects[EVALUATION] = b'{"map50": 0.9}'
    record = {
        "model_package_arn": ARN,
        "approved_by": "arn:aws:iam::000000000000:user/ada",
        "approved_at": "2026-11-21T12:00:00.000Z",
        "hashes": {EVALUATION: hashlib.sha256(made.objects[EVALUATION]).hexdigest()},
    }
    made.objects[RECORD] = json.dumps(record).encode()
    return made


def entry(s3: FakeS3) -> dict[str, str]:
    digest = hashlib.sha256(s3.objects[RECORD]).hexdigest()
    return {"package": ARN, "record": RECORD, "record_sha256": digest, "promoted_at": "2026-11-21T12:10:00Z"}


def checked(s3: FakeS3, found: release.Release) -> Audit:
    audit = Audit(lambda line: None)
    release.check(audit, Objects(s3), found)
    return audit


def looked_up(s3: FakeS3) -> release.Release:
    found = release.find(FakeSession([entry(s3)]), "edgeline", "tags", ARN)
    assert found is not None
    return found


def test_a_record_that_is_as_it_was_written_holds(s3: FakeS3) -> None:
    audit = checked(s3, looked_up(s3))
    assert not audit.broken
    assert audit.counts() == {"release record": 1, "named in it": 1}
    assert "approved by ada" in audit.findings[0].subject


def test_a_record_that_was_rewritten_is_found_by_the_ledger(s3: FakeS3) -> None:
    found = looked_up(s3)
    s3.objects[RECORD] = s3.objects[RECORD].replace(b"user/ada", b"user/eve")
    (wrong,) = checked(s3, found).broken
    assert wrong.subject == RECORD
    assert f"the ledger says {found.record_sha256}" in wrong.wrong


def test_an_object_that_differs_from_the_record_is_named(s3: FakeS3) -> None:
    s3.objects[EVALUATION] = b'{"map50": 0.8}'
    (wrong,) = checked(s3, looked_up(s3)).broken
    assert wrong.subject == EVALUATION


def test_a_record_of_another_package_is_found(s3: FakeS3) -> None:
    s3.objects[RECORD] = s3.objects[RECORD].replace(b"edgeline-tags/3", b"edgeline-tags/2")
    (wrong,) = checked(s3, looked_up(s3)).broken
    assert wrong.wrong.startswith("it is about arn:aws:sagemaker:")


def test_a_package_that_was_never_promoted_has_no_release() -> None:
    assert release.find(FakeSession([]), "edgeline", "tags", ARN) is None


def test_a_stack_that_is_not_there_or_too_old_is_one_line(s3: FakeS3) -> None:
    with pytest.raises(AuditError, match="the stack other-promotion cannot be described"):
        release.find(FakeSession([entry(s3)]), "other", "tags", ARN)
    with pytest.raises(AuditError, match="has no output ReleasesTable"):
        release.find(FakeSession([entry(s3)], outputs={}), "edgeline", "tags", ARN)
