"""Starts labeling of each model for which enough images wait; called by the clock, every few minutes.

In:  nothing that is read
Out: {"started": {model: execution ARN}}

It looks at what there is, not at events: called twice, or late, it does nothing else. Where an execution of
the model runs, whoever started it, nothing is started; what waits then is counted again after its end.
"""

import json
import logging
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.labeling import starts
from lambdas.labeling.image_ledger import ImageLedger
from lambdas.labeling.payloads import PATIENT

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Environment:
    """The labeling table, the state machine, how many images it takes; `models` is a JSON list of names."""

    table: str
    state_machine_arn: str
    start_at_images: int
    models: str


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Count what waits and start what is due."""
    del event, context
    env = environment.read(Environment)
    table = boto3.resource("dynamodb", config=PATIENT).Table(env.table)
    states = boto3.client("stepfunctions", config=PATIENT)
    started = {}
    for model in json.loads(env.models):
        if ImageLedger(table, model).waiting(env.start_at_images) < env.start_at_images:
            continue
        try:
            started[model] = starts.start(states, table, env.state_machine_arn, model)
        except starts.AlreadyRunning as error:
            _log.info("%s", error)
    return {"started": started}
