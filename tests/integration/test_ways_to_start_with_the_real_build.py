"""The build that the stack has, asked by the API: what reaches upsert.py, for both tasks."""

import pytest
from starts_line import CHILD, DETECTOR, StartsLine

from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance


def test_the_real_build_says_what_is_missing_and_then_starts(
    cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> None:
    line = StartsLine(cloud, tmp_path_factory.mktemp("starts"), "real-build-test", real=True)
    for model, missing in ((DETECTOR, "labels"), (CHILD, "picture")):
        found = line.run(model, line.runs(model)[-1])
        assert (found["status"], missing in found["reason"]) == ("nothing_started", True), found
    manifest = line.label("round-1", [{"source-ref": "s3://nowhere/a.jpg"}])
    line.upload("images/species/daffodil/a.jpg")
    asked = {DETECTOR: {"seed": 11, "labels_manifest": manifest}, CHILD: {"seed": 12}}
    started = {model: line.start(model, body).body["run"] for model, body in asked.items()}
    for model, run in started.items():
        found = line.ended(model, run)  # neither has anything to train well on
        assert (found["status"], bool(found["reason"])) == ("failed", True), found
        parameters = line.sagemaker.list_pipeline_parameters_for_execution(
            PipelineExecutionArn=found["training"]["execution"]
        )["PipelineParameters"]
        given = {one["Name"]: one["Value"] for one in parameters}
        assert given["Seed"] == str(asked[model]["seed"])
