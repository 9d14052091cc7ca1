"""Measure a classifier on the frozen test side: from its file, or through an endpoint, which is then tested.

python -m pipeline_defs.classification.scripts.evaluate
    --settings FILE --test DIR --dataset DIR --output-dir DIR
    (--model-dir DIR_OR_TAR_GZ [--children FILE_OR_S3_URI]
     | --endpoint NAME [--component NAME] [--role ARN --session NAME] [--evaluation DIR])

Writes evaluation.json, metrics.json (its few numbers), predictions.jsonl and report.html.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline_defs.classification.answering import (
    Answerer,
    Labels,
    endpoint_answerer,
    file_answerer,
    open_classifier,
)
from pipeline_defs.classification.child_models import child_answerers, read_children
from pipeline_defs.classification.children import Child
from pipeline_defs.classification.evaluated_pictures import TestSide, luminance
from pipeline_defs.classification.evaluation import Evaluated, evaluation_report
from pipeline_defs.classification.predictions import compare, read_predictions, write_predictions
from pipeline_defs.classification.report import report_html
from pipeline_defs.classification.routing_cost import Router, routing_report
from pipeline_defs.classification.settings import ClassificationSettings, read_settings
from pipeline_defs.common.endpoint import Endpoint, component_name, runtime_client
from pipeline_defs.common.endpoint_contract import check_contract, contract
from pipeline_defs.common.job import run
from pipeline_defs.common.model_archive import archive_sha256, model_file
from pipeline_defs.common.progress import Progress

METRICS = ("top1", "top5", "macro_f1", "images")
LATENCY_REQUESTS = 100  # of a few, the 95th percentile is the slowest
_ATTEMPTS = 5


def main(arguments: list[str] | None = None) -> None:
    """Evaluate and write what there is to say."""
    options = parse(arguments)
    settings = read_settings(options.settings)
    side = TestSide(options.test, options.dataset, settings)
    evaluated, facts = (_test_endpoint if options.endpoint else _from_file)(options, side, settings)
    report = evaluation_report(side, evaluated, min_score=settings.min_score)
    report = {**report, "dataset": side.dataset, **facts}
    options.output_dir.mkdir(parents=True, exist_ok=True)
    # With a thousand labels evaluation.json is larger than what SageMaker Pipelines reads a number from.
    for name, content in (("evaluation", report), ("metrics", {key: report[key] for key in METRICS})):
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (options.output_dir / f"{name}.json").write_text(text, encoding="utf-8")
    write_predictions(options.output_dir, side, evaluated.answers)
    page = report_html(settings, report, side)
    (options.output_dir / "report.html").write_text(page, encoding="utf-8")
    print(f"test:top1={report['top1']:.4f}; test:top5={report['top5']:.4f};", flush=True)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure a classifier on the frozen test side.")
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True, help="folder of test.rec")
    parser.add_argument("--dataset", type=Path, required=True, help="folder of manifest.json")
    parser.add_argument("--output-dir", type=Path, required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--model-dir", type=Path, help="folder with model.onnx, or with model.tar.gz, or that file"
    )
    source.add_argument("--endpoint")
    parser.add_argument("--children", default="", help="list of a parent's children: a file, or its s3 URI")
    parser.add_argument(
        "--component", type=component_name, help="of the endpoint, as JSON or as it is; null for none"
    )
    parser.add_argument("--role", help="ARN of the role to ask the endpoint with")
    parser.add_argument("--session", default="evaluate", help="what the role's calls are known by")
    parser.add_argument(
        "--evaluation", type=Path, help="folder of the training's predictions.jsonl, which have to be equal"
    )
    parser.add_argument("--latency-requests", type=int, default=LATENCY_REQUESTS, help="at least so many")
    return parser.parse_args(arguments)


def evaluate(side: TestSide, answerer: Answerer) -> Evaluated:
    """Ask for every picture of the side, with a line of progress now and then."""
    evaluated, progress = Evaluated([], [], []), Progress(len(side), "evaluated")
    for position in range(len(side)):
        answer, milliseconds = _timed(answerer, side.jpeg(position))
        evaluated.answers.append(answer)
        evaluated.milliseconds.append(milliseconds)
        evaluated.light.append(luminance(side.picture(position)))
        progress.advance()
    return evaluated


def _from_file(
    options: argparse.Namespace, side: TestSide, settings: ClassificationSettings
) -> tuple[Evaluated, dict[str, Any]]:
    children = read_children(options.children)
    # A child that cannot be had is told before the work, not after it.
    with (
        model_file(options.model_dir) as path,
        child_answerers(children, side.label_map) as answerers,
    ):
        answerer = file_answerer(open_classifier(path, side.label_map.sha256), str(options.model_dir))
        evaluated = evaluate(side, answerer)
        routed = Router(side, answerers, settings.min_score).routed(evaluated.answers)
    facts: dict[str, Any] = {"source": "model", "model_sha256": archive_sha256(options.model_dir)}
    if children:
        missing = [child.model for g, child in side.label_map.children.items() if g not in answerers]
        facts["routing"] = routing_report(
            routed,
            children,
            labels=side.label_map.labels,
            missing=missing,
            left_out=len(side) - len(routed),
            enlarged=_enlarged(children, answerers, settings.input_size),
        )
    return evaluated, facts


def _enlarged(children: Sequence[Child], answerers: Mapping[str, Answerer], input_size: int) -> list[str]:
    """Name the children that take larger pictures than the parent's records are."""
    return [child.model for child in children if (answerers[child.group].input_size or 0) > input_size]


def _test_endpoint(
    options: argparse.Namespace, side: TestSide, settings: ClassificationSettings
) -> tuple[Evaluated, dict[str, Any]]:
    """Measure the endpoint, compare it with the training's own predictions, and hold it to its contract."""
    trained = read_predictions(options.evaluation) if options.evaluation else None
    client = runtime_client(options.role, options.session, attempts=_ATTEMPTS)
    answerer = endpoint_answerer(Endpoint(options.endpoint, client, options.component), side.label_map)
    _, first = _timed(answerer, side.jpeg(0))
    evaluated = evaluate(side, answerer)
    milliseconds = [*evaluated.milliseconds]
    while len(milliseconds) < options.latency_requests:
        milliseconds.append(_timed(answerer, side.jpeg(len(milliseconds) % len(side)))[1])
    facts: dict[str, Any] = {"source": f"endpoint:{options.endpoint}", "first_answer_ms": round(first, 3)}
    if trained is not None:
        facts["equality"] = compare(trained, side.images, evaluated.answers).report()
    # A request that is tried again by itself would hide that an endpoint died of it.
    once = runtime_client(options.role, options.session, attempts=1)
    asked = Endpoint(options.endpoint, once, options.component).ask
    findings = check_contract(asked, contract(holds="labels"))
    facts["contract"] = [asdict(finding) for finding in findings]
    return Evaluated(evaluated.answers, milliseconds, evaluated.light), facts


def _timed(answerer: Answerer, jpeg: bytes) -> tuple[Labels, float]:
    started = time.perf_counter()
    answer = answerer.ask(jpeg)
    return answer, (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    sys.exit(run(main))
