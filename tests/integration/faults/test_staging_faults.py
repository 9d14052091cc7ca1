"""Models whose served code is at fault, promoted with the real evaluation: none gets past staging."""

from pathlib import Path
from typing import Any

import pytest
from faults.promoted import Promotions
from staging_bench import pack_model, write_data_set
from staging_faults import MOVED, SERVER_ERROR, SLOW

from local.cloud.server import LocalCloud
from pipeline_defs.common.sources import Sources
from pipeline_defs.detection.scripts import evaluate

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parents[3]
CLASSES = ("scratch", "dim")
P95_MS = 300
ENDPOINTS = {"staging": {"p95_ms": P95_MS}, "prod": {"bake_seconds": 0}}


class RealModels(Promotions):
    """Registers a real model with the code and the evaluation of this checkout."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self._folder = folder / "data"
        self._folder.mkdir()
        write_data_set(self._folder, CLASSES)
        super().__init__(cloud, folder, name="staged", endpoints=ENDPOINTS)

    def register(self, fault: str = "", **_: Any) -> str:
        """Register the model as the training would; the fault is in what its endpoints run."""
        archive = pack_model(self._folder, CLASSES, fault)
        run, code = f"runs/tags/{archive.stem}", f"code/{archive.stem}"
        evaluation = self._folder / archive.stem / "evaluation"
        test, dataset = self._folder / "test", self._folder / "dataset"
        evaluate.main(
            [f"--model-dir={archive}", f"--test={test}", f"--dataset={dataset}", f"--output-dir={evaluation}"]
        )
        for name, folder in {"test": test, "dataset": dataset, "evaluation": evaluation}.items():
            self._upload(folder, f"{run}/{name}")
        self.deployed.put(self.bucket, f"{run}/model/train/output/model.tar.gz", archive.read_bytes())
        for path, content in Sources.collect(ROOT).files.items():
            self.deployed.put(self.bucket, f"{code}/{path}", content)
        return self._create_package(run, code)

    def configs(self) -> list[str]:
        """What both endpoints serve."""
        found = {name: session.client("sagemaker") for name, session in self.at.items()}
        return [
            sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
            for name, sagemaker in found.items()
        ]

    def _upload(self, folder: Path, prefix: str) -> None:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.deployed.put(self.bucket, f"{prefix}/{path.relative_to(folder)}", path.read_bytes())


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> RealModels:
    return RealModels(cloud, tmp_path_factory.mktemp("staged"))


def test_a_real_model_is_tested_in_staging_and_the_record_says_how(line: RealModels) -> None:
    test = line.record(line.good)["staging"]["test"]
    assert test["contract"] == {"cases": 17, "passed": 17}
    assert test["equality"]["compared"] == 3
    assert test["equality"]["different"] == 0
    assert 0 < test["p50_ms"] <= test["p95_ms"] <= test["p95_limit_ms"] == P95_MS


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (MOVED, "equality: 3 of 3 detections are not the training's"),
        (SLOW.replace("0.15", "0.35"), f"ms, p95_ms is {P95_MS}"),
        (SERVER_ERROR, "contract: no picture should get 400, got 500"),
    ],
    ids=["moved", "slow", "500 instead of 400"],
)
def test_code_that_is_at_fault_never_gets_to_prod(line: RealModels, fault: str, reason: str) -> None:
    before, package = line.configs(), line.register(fault)
    ended = line.promote(package)
    assert (ended["status"], ended["error"]) == ("FAILED", "StagingTestFailed")
    assert reason in ended["cause"]
    assert line.configs() == before, "staging and prod serve what they served before"
    record = line.record(package)
    assert record["outcome"] == "StagingTestFailed"
    assert reason in record["reason"]
