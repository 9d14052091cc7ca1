"""What a job leaves is complete or not there, whatever ends it, and on mounts too."""

import errno
from pathlib import Path

import pytest

from pipeline_defs.common.job import JobError
from pipeline_defs.common.whole_output import put_in_place, whole_output


def _write(output: Path, *names: str) -> None:
    with whole_output(output) as folder:
        (folder / "records").mkdir()
        for name in names:
            (folder / "records" / name).write_text(name)


def _fail(output: Path, ended: BaseException) -> None:
    with whole_output(output) as folder:
        (folder / "records").mkdir()
        raise ended


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_folders_of_before_are_replaced_and_others_stay(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "out"
    _write(output, "one", "two")
    (output / "dataset").mkdir()
    _write(output, "one")
    assert _names(output) == ["dataset", "records"]
    assert _names(output / "records") == ["one"]


@pytest.mark.parametrize("ended", [JobError("no"), KeyboardInterrupt()])
def test_what_ends_early_changes_nothing(tmp_path: Path, ended: BaseException) -> None:
    _write(tmp_path, "one")
    with pytest.raises(type(ended)):
        _fail(tmp_path, ended)
    assert _names(tmp_path) == ["records"]
    assert _names(tmp_path / "records") == ["one"]


def test_what_a_killed_job_left_goes(tmp_path: Path) -> None:
    (tmp_path / ".unfinished" / "split").mkdir(parents=True)
    _write(tmp_path, "one")
    assert _names(tmp_path) == ["records"]


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with whole_output(tmp_path) as folder:
        (folder / "records").mkdir()
        with pytest.raises(JobError, match=f"{tmp_path}: another job is at work in it: wait"):
            _write(tmp_path, "one")
    assert _names(tmp_path) == ["records"]


def test_a_folder_that_is_a_mount_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An output of a processing job may be a mount of its own: it can be renamed by nobody."""
    made, place = tmp_path / "made", tmp_path / "records"
    for folder, name in ((made, "new"), (place, "old")):
        (folder / name).mkdir(parents=True)
        (folder / f"{name}.rec").write_text(name)
    rename = Path.rename

    def busy(self: Path, target: Path) -> Path:
        if place in (self, target):
            raise OSError(errno.EBUSY, "Device or resource busy", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", busy)
    put_in_place(made, place)
    assert _names(place) == ["new", "new.rec"]
