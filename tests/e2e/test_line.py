"""The whole line on a small batch: what it says of itself is what happened."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from demo_process import read, run_demo, stage_names, write_configuration

PICTURES = 36
STAGES = [
    "Draw the pictures", "Start the local cloud", "Synthesize the templates", "Deploy them",
    "Bring in people, devices", "Publish the inspector", "Upload",
    "Label and verify", "Train and evaluate", "Approve", "Promote to staging, prod",
    "Roll out to the devices", "Inspect fresh pictures", "Ask the prod endpoint", "Verify the way back",
    "Label what came back",
]  # fmt: skip
FIELDS = {
    "images": {"total": int, "labeled": int, "relabeled": int, "quarantined": int},
    "dataset": {"manifest": str, "sha256": str, "train": int, "validation": int, "test": int},
    "model": {"package_arn": str, "map50": float, "map50_95": float, "threshold": float},
    "staging": {"endpoint": str, "package_arn": str, "requests": int, "p50_ms": float},
    "prod": {"endpoint": str, "package_arn": str, "requests": int, "p50_ms": float},
    "iam": {"calls_allowed": int, "calls_denied": int, "by_principal": dict},
}
DEVICE = {
    "name": str, "environment": str, "status": str, "component_versions": dict, "package_arn": str,
    "inferences": int, "p50_ms": float, "images_returned": int,
}  # fmt: skip

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Run:
    folder: Path
    status: int
    output: str
    left: list[str]

    @property
    def summary(self) -> dict[str, Any]:
        return dict(read(self.folder, "summary.json"))

    @property
    def details(self) -> dict[str, Any]:
        return dict(read(self.folder, "details.json"))

    @property
    def manifest(self) -> dict[str, Any]:
        return dict(read(self.folder, "manifest.json"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    here = tmp_path_factory.mktemp("line")
    configuration = write_configuration(here / "small.toml", train_steps=40, map50_threshold=0.0)
    arguments = ("--pictures", str(PICTURES), "--config", str(configuration))
    return Run(here / "run", *run_demo(here / "run", *arguments, seconds=550))


def test_the_line_ends_well_and_says_so(run: Run) -> None:
    assert run.status == 0, run.output
    assert "Traceback" not in run.output
    assert "seed 7" in run.output
    assert all(re.search(rf"^✓ {name} .* \d+\.\d s$", run.output, re.MULTILINE) for name in STAGES), (
        run.output
    )


def test_no_process_is_left(run: Run) -> None:
    assert run.left == []


def test_the_summary_has_every_field_and_no_other(run: Run) -> None:
    assert run.summary.keys() == {"seconds", "stages", "devices", *FIELDS}
    for part, fields in FIELDS.items():
        assert {name: type(value) for name, value in run.summary[part].items()} == fields, part
    for device in run.summary["devices"]:
        assert {name: type(value) for name, value in device.items()} == DEVICE


def test_the_parts_come_in_order_and_fill_the_time(run: Run) -> None:
    assert stage_names(run.summary) == STAGES
    spent = sum(stage["seconds"] for stage in run.summary["stages"])
    assert 0 < spent <= run.summary["seconds"] + 0.05 * len(STAGES)


def test_every_picture_is_labeled_set_aside_or_came_back(run: Run) -> None:
    images, returned = run.summary["images"], run.details["returned"]
    assert images["total"] == PICTURES + len(returned)
    assert images["labeled"] + images["quarantined"] == images["total"]
    assert images["relabeled"] == run.details["annotation"]["rejected"]
    assert sum(device["images_returned"] for device in run.summary["devices"]) == len(returned)


def test_the_annotators_mistakes_are_what_was_labeled_again(run: Run) -> None:
    annotation = run.details["annotation"]
    assert annotation["labels"] == annotation["approved"] + annotation["rejected"]
    assert 0 < annotation["mistakes"] <= annotation["rejected"]


def test_the_manifest_is_what_its_sum_says(run: Run) -> None:
    manifest = run.manifest
    stated = manifest.pop("sha256")
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(canonical.encode()).hexdigest() == stated == run.summary["dataset"]["sha256"]


def test_the_manifest_counts_and_hashes_the_pictures_that_were_uploaded(run: Run) -> None:
    splits = [image["split"] for image in run.manifest["images"]]
    dataset = run.summary["dataset"]
    assert {name: splits.count(name) for name in ("train", "validation", "test")} == {
        name: dataset[name] for name in ("train", "validation", "test")
    }
    assert min(splits.count(name) for name in ("train", "validation", "test")) > 0
    assert len(splits) + len(run.manifest["set_aside"]) == PICTURES
    for image in run.manifest["images"]:
        file = run.folder / "pictures" / "tags" / image["uri"].rpartition("/")[2]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == image["sha256"]


def test_no_object_is_on_two_sides(run: Run) -> None:
    sides: dict[str, set[str]] = {}
    for image in run.manifest["images"]:
        sides.setdefault(image["group"], set()).add(image["split"])
    assert {group: found for group, found in sides.items() if len(found) > 1} == {}


def test_the_registered_package_answers_in_staging_and_prod(run: Run) -> None:
    summary = run.summary
    package = summary["model"]["package_arn"]
    assert re.fullmatch(r"arn:aws:sagemaker:[\w-]+:\d{12}:model-package/edgeline-tags/1", package)
    assert summary["staging"]["package_arn"] == summary["prod"]["package_arn"] == package
    assert summary["staging"]["endpoint"] != summary["prod"]["endpoint"]
    assert summary["staging"]["requests"] >= summary["dataset"]["test"]
    assert summary["prod"]["requests"] >= 20
    assert summary["model"]["threshold"] == 0.0
    assert 0 <= summary["model"]["map50_95"] <= summary["model"]["map50"] <= 1


def test_every_device_runs_that_package_and_has_inspected(run: Run) -> None:
    devices, package = run.summary["devices"], run.summary["model"]["package_arn"]
    assert [device["environment"] for device in devices] == ["staging", "prod", "prod"]
    for device in devices:
        assert device["status"] == "RUNNING"
        assert device["package_arn"] == package
        assert device["inferences"] > 0
        assert device["p50_ms"] > 0
        assert device["component_versions"]["com.edgeline.model.tags"] == "1.0.1"
        assert re.fullmatch(r"1\.0\.\d+", device["component_versions"]["com.edgeline.inspector"])


def test_nothing_was_refused_and_nobody_was_root(run: Run) -> None:
    iam = run.summary["iam"]
    assert iam["calls_denied"] == 0
    assert sum(calls["allowed"] for calls in iam["by_principal"].values()) == iam["calls_allowed"]
    unexpected = [
        name for name in iam["by_principal"] if not re.match(r"user/|role/|[\w.]+\.amazonaws\.com$", name)
    ]
    assert unexpected == []


def test_each_person_job_and_device_has_a_principal_of_its_own(run: Run) -> None:
    principals = run.summary["iam"]["by_principal"]
    people = {name for name in principals if name.startswith("user/")}
    assert people == {
        "user/uploader", "user/operator", "user/approver", "user/app", "user/auditor",
    }  # fmt: skip
    for role in (
        "training-JobRole",
        "training-PipelineRole",
        "staging-model",
        "prod-model",
        "edge-TokenExchangeRole",
    ):
        assert any(name.startswith(f"role/edgeline-{role}") for name in principals), role


def test_the_chain_leads_from_a_device_to_the_pictures(run: Run) -> None:
    kinds = [link["kind"] for link in run.details["chain"]]
    assert kinds[0] == "Device"
    assert kinds[-1] == "Dataset manifest"  # the report goes on from there to the pictures
    text = json.dumps(run.details["chain"])
    assert run.summary["model"]["package_arn"] in text
    assert run.summary["dataset"]["sha256"] in text


def test_the_report_tells_the_run(run: Run) -> None:
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "The run stopped" not in page
    summary = run.summary
    told = [device["name"] for device in summary["devices"]] + [summary["dataset"]["sha256"], *STAGES]
    assert [text for text in told if text not in page] == []
