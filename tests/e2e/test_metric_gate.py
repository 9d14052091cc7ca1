"""A model whose mAP is under the threshold: nothing of it goes any further, and the run says so."""

import html
import re
from pathlib import Path

import pytest
from demo_process import read, run_demo, stage_names, write_configuration

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]


def test_a_metric_under_the_threshold_registers_nothing(tmp_path: Path) -> None:
    configuration = write_configuration(tmp_path / "strict.toml", train_steps=4, map50_threshold=1.0)
    folder = tmp_path / "run"
    status, output, left = run_demo(folder, "--pictures", "20", "--config", str(configuration), seconds=380)
    summary, failure = read(folder, "summary.json"), read(folder, "details.json")["failure"]
    assert status == 1, output
    assert "Traceback" not in output
    assert left == []
    assert stage_names(summary)[-1] == failure["stage"] == "Train and evaluate"

    model = summary["model"]
    assert model["package_arn"] is None
    assert model["threshold"] == 1.0
    assert model["map50"] < 1.0
    assert summary["staging"] is summary["prod"] is None
    assert summary["devices"] == []
    assert summary["dataset"]["test"] > 0

    measured, threshold = re.search(
        r"mAP50 ([\d.]+) is below the threshold of ([\d.]+):", failure["reason"]
    ).groups()
    assert float(measured) == pytest.approx(model["map50"], abs=0.0005)
    assert float(threshold) == 1.0
    assert failure["reason"] in output

    page = html.unescape((folder / "report.html").read_text(encoding="utf-8"))
    assert "The run stopped at “Train and evaluate”" in page
    assert failure["reason"] in page
