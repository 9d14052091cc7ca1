"""The staging test of a classifier as it runs in its job, against real endpoints, and faults."""

import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from staging_bench import LIMITS, Bench
from tiny_classifier import LABELS, card, write_tiny_classifier
from tiny_test_side import Shown, write_work

from lambdas.promotion.judge_staging import differences, summary
from local.cloud.server import LocalCloud
from pipeline_defs.classification.settings import ClassificationSettings
from pipeline_defs.common.packaging import CLASSIFICATION, entry_point, pack_serving_code

pytestmark = pytest.mark.acceptance

SETTINGS = ClassificationSettings(
    name="colours",
    tree="colours",
    labels={label: (label,) for label in LABELS},
    source="s3://images/images/colours/",
    input_size=28,
)
OTHER_SCORES = """
import dataclasses
from served_code import classification_serving as serving
def predict_fn(request, model):
    answer = serving.predict_fn(request, model)
    found = [dataclasses.replace(one, score=one.score * 0.99) for one in answer.labels]
    return dataclasses.replace(answer, labels=found)
"""
OTHER_LABELS = """
import dataclasses
from served_code import classification_serving as serving
def predict_fn(request, model):
    answer = serving.predict_fn(request, model)
    first, second, *others = answer.labels
    first, second = (dataclasses.replace(a, label=b.label) for a, b in ((first, second), (second, first)))
    return dataclasses.replace(answer, labels=[first, second, *others])
"""


class ClassifierBench(Bench):
    """The bench with pictures of three colours, and a model that names the strongest one."""

    def _write_data_set(self, folder: Path) -> None:
        write_work(folder, SETTINGS, [Shown(label, label) for label in LABELS for _ in range(2)])
        self.script = (
            "pipeline_defs.classification.scripts.evaluate", "--settings", str(folder / "settings.json")
        )  # fmt: skip

    def _pack(self, folder: Path, fault: str = "") -> Path:
        unpacked = folder / f"model-{uuid.uuid4().hex[:8]}"
        unpacked.mkdir()
        write_tiny_classifier(unpacked / "model.onnx", card())
        pack_serving_code(unpacked, serving=CLASSIFICATION)
        (unpacked / "code" / "inference.py").write_text(entry_point(CLASSIFICATION) + fault)
        archive = unpacked.with_suffix(".tar.gz")
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(unpacked, ".")
        return archive


@pytest.fixture(scope="module")
def bench(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return ClassifierBench(cloud, tmp_path_factory.mktemp("bench"))


@pytest.fixture
def serve(bench: Bench) -> Iterator[Any]:
    """Serve the model, and leave no endpoint behind."""
    names: list[str] = []

    def make(*arguments: Any) -> str:
        names.append(bench.serve(*arguments))
        return names[-1]

    yield make
    for name in names:
        bench.end(name)


def test_the_inference_code_that_is_shipped_passes(bench: Bench, serve: Any) -> None:
    endpoint = serve()
    measured = bench.test(endpoint)
    assert differences(bench.registered, measured, endpoint=endpoint, limits=LIMITS) == []
    kept = summary(bench.registered, measured, LIMITS)
    assert (kept["top1"], kept["registered"]["top1"], kept["contract"]["cases"]) == (1.0, 1.0, 16)
    assert kept["equality"] == {"pictures": 6, "compared": 6, "different": 0, "largest_score": 0.0}


@pytest.mark.parametrize(
    ("fault", "metrics"), [(OTHER_SCORES, ()), (OTHER_LABELS, ("top1",))], ids=["scores", "labels"]
)
def test_another_answer_is_found_where_the_metrics_may_forgive_it(
    bench: Bench, serve: Any, fault: str, metrics: tuple[str, ...]
) -> None:
    problems = bench.problems(serve(fault))
    wrong = [problem for problem in problems if problem.startswith("equality: 6 of 6 answers")]
    assert len(wrong) == 1, problems
    assert tuple(problem.split()[0] for problem in problems if problem not in wrong) == metrics
