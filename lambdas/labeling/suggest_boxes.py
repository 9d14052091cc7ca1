"""Asks the model in service in prod about a round's images; people see what it would draw as proposed.

In:  {"execution", "model", "classes", "round": n}
Out: {"suggested": how many images have an answer, "of": how many were to, "reason": why not all}; the
     answers are in `Lists.suggestions`: uri, boxes with their score, model_package_arn.

Nobody waits for a model: no endpoint, a cold one, one that is slow or fails is a reason, not an error, and
the round opens with what there is. Prod serves others too, so that few are asked at once, and not for long.
"""

import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common import environment, json_lines
from lambdas.labeling.payloads import PATIENT, Lists
from lambdas.labeling.proposals import Asked, NoProposal, Question
from lambdas.labeling.served_model import NotServing, served_package

SECONDS = 600.0
FAILURES = 20  # so many one after the other, and nothing more is asked
_REST_SECONDS = 5.0
_ROLE_SECONDS = 900
_LONGEST_REASON = 500
# An endpoint has a minute for an answer.
_PATIENT_ENOUGH = Config(read_timeout=65, connect_timeout=5, retries={"mode": "standard", "max_attempts": 2})
_log = logging.getLogger(__name__)

Ask = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Environment:
    """The bucket of the lists, the role to ask with in prod's account, and its region.

    `endpoints` is JSON: for each model the fields of `Asked`. `warm_up_seconds`: how long for a cold one.
    """

    artifacts_bucket: str
    suggester_role_arn: str
    region: str
    endpoints: str
    warm_up_seconds: int


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Ask about every image on which nobody has drawn yet."""
    del context
    env = environment.read(Environment)
    s3 = boto3.client("s3", config=PATIENT)
    lists = Lists(env.artifacts_bucket, event["model"], event["execution"])
    images = [row for row in json_lines.read(s3, lists.images(event["round"])) if "rejected" not in row]
    asked = Asked(**json.loads(env.endpoints)[event["model"]])
    try:
        there = _enter(env, lists.name)
        sagemaker = there.client("sagemaker")
        package = served_package(sagemaker, asked.endpoint, asked.component)
        runtime = there.client("sagemaker-runtime", config=_PATIENT_ENOUGH)
        question = Question(s3, runtime, asked, tuple(event["classes"]))
        warm_by = time.monotonic() + env.warm_up_seconds
        rows, reason = answers(question.ask, images, at_once=asked.at_once, warm_by=warm_by)
        if served_package(sagemaker, asked.endpoint, asked.component) != package:
            raise NotServing("another model came into service while it was asked")
    except (NotServing, ClientError, BotoCoreError) as error:
        _log.warning("no suggestions for %s: %s", event["model"], error)
        return {"suggested": 0, "of": len(images), "reason": str(error)[:_LONGEST_REASON]}
    suggested = ({**row, "model_package_arn": package} for row in rows)
    count = json_lines.write(s3, lists.suggestions, suggested)
    return {"suggested": count, "of": len(images), "reason": reason[:_LONGEST_REASON]}


def answers(
    ask: Ask,
    images: Sequence[dict[str, Any]],
    *,
    at_once: int,
    warm_by: float,
    rest_seconds: float = _REST_SECONDS,
) -> tuple[list[dict[str, Any]], str]:
    """What the endpoint answers in SECONDS, in the order of the images, and why not to all of them.

    First one at a time is asked until the endpoint is warm; if it is not `warm_by` then, in seconds of the
    monotonic clock, the last error is raised.
    """
    asking = _Asking(ask, time.monotonic() + SECONDS)
    if images:
        asking.warm_up(itertools.cycle(images), warm_by, rest_seconds)
    with ThreadPoolExecutor(at_once) as pool:
        found = list(pool.map(asking.answer, images))
    return [row for row in found if row is not None], asking.reason


class _Asking:
    """Asks until its time is over, or until only failures come; shared by threads."""

    def __init__(self, ask: Ask, end: float) -> None:
        self._ask, self._end = ask, end
        self._lock = threading.Lock()
        self._failures = 0
        self.reason = ""

    def warm_up(self, images: Iterator[dict[str, Any]], warm_by: float, rest_seconds: float) -> None:
        """Ask about one image after the other until there is an answer of any kind."""
        for image in images:
            try:
                self._ask(image)
            except NoProposal:
                return
            except (ClientError, BotoCoreError):
                if time.monotonic() + rest_seconds > warm_by:
                    raise
                time.sleep(rest_seconds)
            else:
                return

    def answer(self, image: dict[str, Any]) -> dict[str, Any] | None:
        """Ask about one image; None without an answer, with the first reason kept."""
        if self._failures >= FAILURES:
            return None
        if time.monotonic() > self._end:
            self._note(f"the time was over after {SECONDS:g} s", self._failures)
            return None
        try:
            row = self._ask(image)
        except NoProposal as error:
            self._note(str(error), 0)
            return None
        except (ClientError, BotoCoreError) as error:
            self._note(str(error), self._failures + 1)
            return None
        self._failures = 0
        return row

    def _note(self, reason: str, failures: int) -> None:
        with self._lock:
            self.reason, self._failures = self.reason or reason, failures


def _enter(env: Environment, execution: str) -> Any:
    """Become the one who may ask in prod's account; its own trail of calls names the execution."""
    credentials = boto3.client("sts").assume_role(
        RoleArn=env.suggester_role_arn, RoleSessionName=execution[:64], DurationSeconds=_ROLE_SECONDS
    )["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=env.region,
    )
