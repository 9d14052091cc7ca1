"""A push and the schedule start the trainings of both tasks; the other ways have files of their own.

The API and the command line: test_runs_api.py. New data: test_train_at_threshold.py.
"""

import json
from typing import Any

import pytest
from starts_line import CHILD, DETECTOR, SCHEDULE, StartsLine
from waiting import eventually

from lambdas.delivery.start_workflows import start_if_changed
from local.cloud.server import LocalCloud

NAME = "ways-test"
BOTH_TASKS = pytest.mark.parametrize("model", [DETECTOR, CHILD])


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> StartsLine:
    return StartsLine(cloud, tmp_path_factory.mktemp("starts"), NAME)


def newest(line: StartsLine, model: str) -> dict[str, Any]:
    """The newest run, as the API lists it."""
    found: dict[str, Any] = line.ask("GET", f"models/{model}/runs?limit=1").body["runs"][0]
    return found


@BOTH_TASKS
def test_a_deployment_that_touched_a_model_starts_it_with_its_commit(line: StartsLine, model: str) -> None:
    declared = line.codepipeline.get_pipeline(name=line.workflow(model))["pipeline"]
    [content] = [one for one in declared["variables"] if one["name"] == "CONTENT"]
    content["defaultValue"] = "another"
    before = line.runs(model)
    assert not start_if_changed(line.codepipeline, line.workflow(model), "c0ffee")
    line.codepipeline.update_pipeline(pipeline=declared)
    assert start_if_changed(line.codepipeline, line.workflow(model), "c0ffee")
    assert not start_if_changed(line.codepipeline, line.workflow(model), "c0ffee"), "once"
    [run, *others] = line.runs(model)
    assert others == before
    assert line.ended(model, run)["status"] == "succeeded"
    assert line.seen(model)["GIT_COMMIT"] == "c0ffee"


@BOTH_TASKS
def test_the_schedules_rule_may_start_its_model_and_does(line: StartsLine, model: str) -> None:
    """The rule is made to hear an event, since nobody waits for a week; target and role are as deployed."""
    events, before = line.root.client("events"), line.runs(model)
    rules = [one["Name"] for one in events.list_rules()["Rules"] if one.get("ScheduleExpression") == SCHEDULE]
    [rule] = [
        name
        for name in rules
        for target in events.list_targets_by_rule(Rule=name)["Targets"]
        if target["Arn"].endswith(f":{line.workflow(model)}")
    ]
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [f"a.week.of.{model}"]}))
    entry = {"Source": f"a.week.of.{model}", "DetailType": "is over", "Detail": "{}"}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    [run, *others] = eventually(lambda: found if (found := line.runs(model)) != before else None)
    assert others == before
    assert line.ended(model, run)["status"] == "succeeded"
    assert f":rule/{NAME}-training-Workflow{model}Schedule" in newest(line, model)["started_by"]
