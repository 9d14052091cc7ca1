"""What watches a model's answers: metrics that are counted in the log of its containers."""

from pathlib import Path
from typing import Any

import pytest
from across_accounts import configuration, make_app
from cloud_assembly import Assembly, read_assembly

from stacks.edgeline import add_edgeline


def filters(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The metric filters of a stack by the metric that they count."""
    found = [
        r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Logs::MetricFilter"
    ]
    return {each["MetricTransformations"][0]["MetricName"]: each for each in found}


@pytest.mark.parametrize("environment", ["Staging", "Prod"])
def test_answers_are_counted_in_the_endpoint_s_log_under_its_own_namespace(
    assembly: Assembly, environment: str
) -> None:
    template = assembly.templates[f"{environment}/Serving"]
    found = filters(template)
    assert {name: each["FilterPattern"] for name, each in found.items()} == {
        "EmptyAnswers": '[..., tag="ANSWER", empty, score]',
        "Score": '[..., tag="ANSWER", empty=0, score]',
    }
    values = {name: each["MetricTransformations"][0]["MetricValue"] for name, each in found.items()}
    assert values == {"EmptyAnswers": "$empty", "Score": "$score"}
    (log_group,) = {each["LogGroupName"]["Ref"] for each in found.values()}
    name = template["Resources"][log_group]["Properties"]["LogGroupName"]
    endpoint = name.removeprefix("/aws/sagemaker/Endpoints/")
    assert endpoint.endswith(environment.lower())
    for each in found.values():
        (transformation,) = each["MetricTransformations"]
        assert transformation["MetricNamespace"] == f"Edgeline/{endpoint}"
        # A metric with a default value would count minutes without an answer as answers.
        assert set(transformation) == {"MetricName", "MetricNamespace", "MetricValue"}


def test_the_answers_of_a_component_are_in_its_own_log(tmp_path: Path) -> None:
    model = {"task": "detection", "classes": ["scratch"], "prod": {"kind": "components"}}
    app = make_app(tmp_path)
    add_edgeline(app, configuration({}, models={"tags": model}))
    app.synth()
    template = read_assembly(tmp_path).templates["Prod/Serving"]
    (log_group,) = {each["LogGroupName"]["Ref"] for each in filters(template).values()}
    name = template["Resources"][log_group]["Properties"]["LogGroupName"]
    assert name == "/aws/sagemaker/InferenceComponents/edgeline-tags-prod"
