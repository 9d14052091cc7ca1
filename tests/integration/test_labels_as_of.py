"""The labels as of a day, asked of the deployed store again and again while its history goes on."""

import json
import secrets
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from training_line import deployed

from lambdas.labeling.manifest import feature_record, manifest_line
from local.cloud.server import LocalCloud
from local.sagemaker.features.offline_store import Row, parquet

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parents[2]
NAME = "as-of-test"
SCRIPT = "pipeline_defs.detection.scripts.labels_as_of"
FIRST, SECOND = datetime(2026, 11, 1, 10, tzinfo=UTC), datetime(2026, 11, 2, 10, tzinfo=UTC)
BOX = {"label": "scratch", "left": 4, "top": 3, "width": 20, "height": 10}
OUTCOME: dict[str, Any] = {
    "sha256": "ab", "width": 60, "height": 40, "depth": 3, "object_group": "", "outcome": "approved",
    "round": 1, "boxes": [BOX], "labeled_by": "ann", "verified_by": "bob",
}  # fmt: skip
NEW = {
    "depth", "classes", "status", "round", "annotators", "agreement", "seconds", "mean_iou",
    "unmatched_share",
}  # fmt: skip


class History:
    """The deployed label store, with records of past days laid into it as Feature Store lays them."""

    def __init__(self, cloud: LocalCloud, data: dict[str, str], training: dict[str, str]) -> None:
        self._cloud, self._data, self._training = cloud, data, training
        root = cloud.root_session()
        self._s3 = root.client("s3")
        self.runtime = root.client("sagemaker-featurestore-runtime")
        self.group: dict[str, Any] = root.client("sagemaker").describe_feature_group(
            FeatureGroupName=data["FeatureGroup"]
        )

    def lay(
        self, name: str, at: datetime, *, put: datetime | None = None, lag_minutes: float = 5,
        old: bool = False, deleted: bool = False, **changes: Any,
    ) -> None:  # fmt: skip
        """Lay one record of an image: its event time, when it was put, and how long it then took."""
        moment = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        outcome = {**OUTCOME, "uri": f"s3://images/images/tags/{name}", "at": moment, **changes}
        record = feature_record(outcome, model="tags", job="round-1", classes=["scratch"])
        values: dict[str, Any] = {item["FeatureName"]: item["ValueAsString"] for item in record}
        features = [f for f in self.group["FeatureDefinitions"] if not (old and f["FeatureName"] in NEW)]
        casts = {"Integral": int, "Fractional": float, "String": str}
        kinds = {f["FeatureName"]: casts[f["FeatureType"]] for f in features}
        typed = {key: kinds[key](value) for key, value in values.items() if key in kinds}
        if deleted:
            typed = {key: typed[key] for key in ("image_uri", "event_time")}
        put = put or at
        body = parquet(features, [Row(typed, put, deleted)], put + timedelta(minutes=lag_minutes))
        resolved = self.group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
        bucket, _, prefix = resolved.removeprefix("s3://").partition("/")
        key = f"{prefix}/year={at:%Y}/month={at:%m}/day={at:%d}/hour={at:%H}/{secrets.token_hex(8)}.parquet"
        self._s3.put_object(Bucket=bucket, Key=key, Body=body)

    def ask(self, as_of: str, output: Path, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run the command with the rights of the job's role, which are those of the readers' policy."""
        role = self._cloud.service_credentials(self._training["JobRoleArn"], "sagemaker.amazonaws.com", "ask")
        options = {
            "feature-group": self._data["FeatureGroup"], "workgroup": self._training["Workgroup"],
            "model": "tags", "as-of": as_of, "output": str(output), **more,
        }  # fmt: skip
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return subprocess.run(
            [sys.executable, "-m", SCRIPT, *arguments], cwd=ROOT, env=self._cloud.environment(role),
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def answer(self, as_of: str, folder: Path, **more: str) -> bytes:
        output = folder / f"{secrets.token_hex(4)}.manifest"
        done = self.ask(as_of, output, **more)
        assert done.returncode == 0, done.stderr
        return output.read_bytes()


@pytest.fixture(scope="module")
def history(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> History:
    return History(cloud, *deployed(cloud, tmp_path_factory.mktemp("assembly"), NAME))


def drawn(body: bytes) -> dict[str, int]:
    """How many boxes each image of a manifest has."""
    found = [json.loads(line) for line in body.splitlines()]
    return {line["source-ref"].rsplit("/", 1)[1]: len(line["labels"]["annotations"]) for line in found}


def test_a_day_is_the_same_bytes_whatever_came_after_it(history: History, tmp_path: Path) -> None:
    history.lay("before.jpg", FIRST, old=True)
    assert drawn(history.answer("2026-11-01", tmp_path)) == {"before.jpg": 1}, "of a column no file has"
    for name in ("kept.jpg", "corrected.jpg", "removed.jpg"):
        history.lay(name, FIRST)
    history.lay("unusable.jpg", FIRST)
    history.lay("unusable.jpg", FIRST + timedelta(hours=1), outcome="unusable")
    first = history.answer("2026-11-01", tmp_path)
    assert drawn(first) == {"before.jpg": 1, "kept.jpg": 1, "corrected.jpg": 1, "removed.jpg": 1}
    history.lay("corrected.jpg", SECOND, boxes=[])
    history.lay("kept.jpg", FIRST, put=SECOND, labeled_by="ann")
    history.lay("late.jpg", FIRST, put=SECOND)
    history.lay("delayed.jpg", FIRST + timedelta(hours=13, minutes=59), lag_minutes=60)
    history.lay("removed.jpg", SECOND, deleted=True)
    assert history.answer("2026-11-01", tmp_path) == first
    second = history.answer("2026-11-02", tmp_path)
    assert drawn(second) == {
        "before.jpg": 1, "kept.jpg": 1, "corrected.jpg": 0, "late.jpg": 1, "delayed.jpg": 1,
    }  # fmt: skip
    assert history.answer("2026-11-02", tmp_path) == second
    assert drawn(history.answer("2026-11-01T10:30:00Z", tmp_path))["unusable.jpg"] == 1


def test_what_is_put_now_comes_out_as_it_was_written(history: History, tmp_path: Path) -> None:
    outcome = {
        **OUTCOME, "uri": "s3://images/images/pcb/now.jpg", "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "agreement": 0.8125, "seconds": 12, "annotators": {"labeled": ["ann", "cy"], "settled": ["sue"]},
        "mean_iou": 0.8788, "unmatched_share": 0.0,
    }  # fmt: skip
    record = feature_record(outcome, model="pcb", job="round-9", classes=["open", "scratch"])
    history.runtime.put_record(FeatureGroupName=history.group["FeatureGroupName"], Record=record)
    deadline = time.monotonic() + 60
    found = b""
    while not found and time.monotonic() < deadline:
        as_of = f"{datetime.now(UTC) - timedelta(seconds=2):%Y-%m-%dT%H:%M:%SZ}"
        found = history.answer(as_of, tmp_path, model="pcb", **{"arrival-minutes": "0.01"})
    written = manifest_line(outcome, classes=["open", "scratch"], job="round-9")
    assert [json.loads(line) for line in found.splitlines()] == [written]


def test_a_time_that_is_not_over_is_refused_in_one_line(history: History, tmp_path: Path) -> None:
    done = history.ask(f"{datetime.now(UTC):%Y-%m-%d}", tmp_path / "out")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "its labels may still arrive in the offline store; ask again after" in done.stderr
