import json

import pytest

from local.demo.details import Details, Failure
from local.demo.summary import Dataset, Device, Endpoint, Iam, Images, Model, Stage, Summary, write_json

CALLS = {
    "calls_allowed": 7,
    "calls_denied": 1,
    "by_principal": {"b": {"allowed": 7, "denied": 0}, "a": {"allowed": 0, "denied": 1}},
}


def whole():
    endpoint = Endpoint("edgeline-tags-staging", "arn:package/1", 45, 11.2)
    device = Device(
        "prod-1", "prod", "RUNNING", {"com.edgeline.model.tags": "1.0.1"}, "arn:package/1", 24, 7.5, 3
    )
    return Summary(
        seconds=600.5,
        stages=(Stage("Deploy", 20.1),),
        images=Images(300, 299, 28, 1),
        dataset=Dataset("s3://b/manifest.json", "ab" * 32, 200, 40, 59),
        model=Model("arn:package/1", 0.91, 0.55, 0.6),
        staging=endpoint,
        prod=endpoint,
        devices=(device,),
        iam=Iam.of(CALLS),
    )


def test_the_file_holds_exactly_the_fields_that_others_read(tmp_path):
    whole().write(tmp_path / "run" / "summary.json")
    found = json.loads((tmp_path / "run" / "summary.json").read_text())

    assert set(found) == {
        "seconds",
        "stages",
        "images",
        "dataset",
        "model",
        "staging",
        "prod",
        "devices",
        "iam",
    }
    assert found["stages"] == [{"name": "Deploy", "seconds": 20.1}]
    assert set(found["images"]) == {"total", "labeled", "relabeled", "quarantined"}
    assert set(found["dataset"]) == {"manifest", "sha256", "train", "validation", "test"}
    assert set(found["model"]) == {"package_arn", "map50", "map50_95", "threshold"}
    assert set(found["staging"]) == set(found["prod"]) == {"endpoint", "package_arn", "requests", "p50_ms"}
    device = "name environment status component_versions package_arn inferences p50_ms images_returned"
    assert " ".join(found["devices"][0]) == device
    assert found["iam"]["by_principal"] == {
        "a": {"allowed": 0, "denied": 1},
        "b": {"allowed": 7, "denied": 0},
    }


def test_a_run_that_stopped_early_has_no_invented_numbers(tmp_path):
    Summary(seconds=3.0).write(tmp_path / "summary.json")
    found = json.loads((tmp_path / "summary.json").read_text())

    assert found["model"] is None
    assert found["devices"] == []


def test_a_failed_write_leaves_the_file_before_and_no_other(tmp_path):
    path = tmp_path / "summary.json"
    write_json(path, {"a": 1})

    with pytest.raises(ValueError, match="nan"):
        write_json(path, {"a": float("nan")})

    assert json.loads(path.read_text()) == {"a": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["summary.json"]


def test_details_are_written_with_all_their_parts(tmp_path):
    failure = Failure("Train the detector", "mAP50 0.31 is under 0.6", "give more pictures")
    Details("300 synthetic tags", 7, "2026-11-21T02:00:00Z", failure=failure).write(tmp_path / "details.json")
    found = json.loads((tmp_path / "details.json").read_text())

    assert found["failure"]["reason"] == "mAP50 0.31 is under 0.6"
    assert found["chain"] == []
