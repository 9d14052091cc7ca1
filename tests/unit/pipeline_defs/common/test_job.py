from pathlib import Path

import pytest

from pipeline_defs.common.job import JobError, run


def test_a_good_run_exits_0() -> None:
    assert run(lambda: None) == 0


def test_an_expected_error_is_one_line_and_reaches_the_failure_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        raise JobError("labels.json:\n  no picture")

    assert run(main, failure_file=tmp_path / "failure") == 1
    assert capsys.readouterr().err == "error: labels.json: no picture\n"
    assert (tmp_path / "failure").read_text() == "labels.json: no picture"


def test_without_the_folder_of_a_job_no_failure_file_is_tried(tmp_path: Path) -> None:
    def main() -> None:
        raise JobError("no")

    assert run(main, failure_file=tmp_path / "absent" / "failure") == 1


def test_a_full_disk_and_a_file_in_the_way_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fill() -> None:
        with Path("/dev/full").open("w", buffering=1) as file:
            file.write("much\n" * 9999)

    assert run(fill) == 1
    assert capsys.readouterr().err == (
        "error: No space left on device: make room there, or give the job a larger volume\n"
    )
    (tmp_path / "out").write_text("")
    assert run((tmp_path / "out" / "records").mkdir) == 1
    assert capsys.readouterr().err.startswith(
        f"error: {tmp_path}/out/records: Not a directory: give a folder"
    )


def test_an_error_of_the_network_keeps_its_traceback() -> None:
    def main() -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        run(main)


def test_an_interruption_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise KeyboardInterrupt

    assert run(main) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_bug_keeps_its_traceback() -> None:
    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(main)
