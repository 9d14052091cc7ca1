from pathlib import Path

import pytest

from pipeline_defs.classification.sorted_lines import SortedLines


@pytest.mark.parametrize("run_bytes", [1, 50, 10_000])
def test_lines_come_sorted_whatever_fits_in_memory(tmp_path: Path, run_bytes: int) -> None:
    lines = SortedLines(tmp_path, "rows", run_bytes=run_bytes)
    added = [f"{number * 7919 % 101:03}\n".encode() for number in range(101)]
    for line in added:
        lines.add(line)
    assert list(lines) == sorted(added)
    lines.add(b"0505\n")
    assert list(lines) == sorted([*added, b"0505\n"])
    assert (len(list(tmp_path.iterdir())) > 2) == (run_bytes < 100)


def test_no_lines_are_no_files(tmp_path: Path) -> None:
    assert list(SortedLines(tmp_path, "rows")) == []
    assert list(tmp_path.iterdir()) == []
