"""The chain from a package to its pictures: it holds, and a changed byte anywhere is found and named."""

from pathlib import Path

import pytest
from audited_chain import BUCKET, RUN, Chain, make_chain

from local.audit.finding import Audit, Finding
from local.audit.objects import Objects
from local.audit.package import PackageAudit

# Read by people, never by the line.
NOT_IN_THE_CHAIN = f"{RUN}/dataset/report.json"


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return make_chain(tmp_path)


def walk(chain: Chain) -> list[Finding]:
    audit = Audit(lambda line: None)
    PackageAudit(audit, Objects(chain.s3), chain.package).walk()
    return audit.findings


def test_a_chain_that_nobody_touched_holds_whole(chain: Chain) -> None:
    found = walk(chain)
    assert [finding for finding in found if finding.wrong] == []
    assert {finding.link for finding in found} == {
        "model package", "evaluation", "model", "measured on", "code", "code archive", "dataset manifest",
        "labels", "picture, as used", "labeling", "picture",
    }  # fmt: skip


def test_a_changed_byte_anywhere_is_found_and_named(chain: Chain) -> None:
    for uri, content in list(chain.objects.items()):
        if uri == NOT_IN_THE_CHAIN:
            continue
        middle = len(content) // 2
        chain.objects[uri] = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        wrong = [finding for finding in walk(chain) if finding.wrong]
        assert wrong, f"nobody sees that {uri} was changed"
        folder = uri.rpartition("/")[0]
        assert any(uri in str(f) or f.subject.rstrip("/") in folder for f in wrong), (uri, wrong)
        chain.objects[uri] = content
    assert not [finding for finding in walk(chain) if finding.wrong]


def test_an_object_that_is_gone_is_found_and_named(chain: Chain) -> None:
    for uri, content in list(chain.objects.items()):
        if uri == NOT_IN_THE_CHAIN:
            continue
        del chain.objects[uri]
        wrong = [finding for finding in walk(chain) if finding.wrong]
        assert wrong, f"nobody sees that {uri} is gone"
        chain.objects[uri] = content


def test_a_label_that_was_moved_in_the_labeling_manifest_is_named_with_its_picture(chain: Chain) -> None:
    uri = f"s3://{BUCKET}/labels/tags/round-1.manifest"
    chain.objects[uri] = chain.objects[uri].replace(b'"left": 30.0', b'"left": 29.0', 1)
    (wrong,) = [finding for finding in walk(chain) if finding.wrong]
    assert wrong.link == "labeling"
    assert wrong.wrong == "the label of s3://images/images/tags/01.png is not the one in the dataset manifest"


def test_an_evaluation_of_another_data_set_is_found(chain: Chain) -> None:
    uri = f"{RUN}/evaluation/evaluation.json"
    chain.objects[uri] = chain.objects[uri].replace(b'"manifest_sha256": "', b'"manifest_sha256": "0')
    (wrong,) = [finding for finding in walk(chain) if finding.wrong]
    assert wrong.link == "measured on"


def test_the_model_of_a_device_is_compared_with_that_of_the_package(chain: Chain) -> None:
    audit = Audit(lambda line: None)
    walked = PackageAudit(audit, Objects(chain.s3), chain.package)
    walked.same_model("0" * 64)
    assert "the device has 000" in audit.broken[0].wrong
