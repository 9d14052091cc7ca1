from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from local.sagemaker.requirements import unsatisfied


def test_only_what_is_not_met_is_named(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(
        f"# comment\n\nboto3=={version('boto3')}  # pinned\nnumpy==0.0.1\nnowhere>=1\n"
        "old; python_version < '3'\n--index-url https://example.com\n"
    )
    assert unsatisfied(path) == [
        f"numpy==0.0.1 (installed: {version('numpy')})",
        "nowhere>=1 (not installed)",
        "--index-url https://example.com (not a plain requirement)",
    ]


def test_no_file_asks_for_nothing(tmp_path: Path) -> None:
    assert unsatisfied(tmp_path / "requirements.txt") == []
