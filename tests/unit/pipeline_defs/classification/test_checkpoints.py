from pathlib import Path

import pytest
import torch

from pipeline_defs.classification.checkpoints import Checkpoints

RUN = {"seed": 7, "width": 16, "records": "ab"}


def state(value: float) -> dict[str, object]:
    return {"network": {"weight": torch.full((2, 2), value)}, "epoch_loss": value}


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", RUN)


def value_of(checkpoints: Checkpoints) -> tuple[int, float] | None:
    found = checkpoints.newest()
    return None if found is None else (found[0], found[1]["network"]["weight"][0, 0].item())


def test_the_newest_is_taken_up_and_two_are_kept(checkpoints: Checkpoints) -> None:
    assert value_of(checkpoints) is None
    for step in (9, 10, 100):
        checkpoints.write(step, state(step))
    assert value_of(checkpoints) == (100, 100.0)
    names = sorted(path.name for path in checkpoints.folder.iterdir())
    assert names == ["checkpoint-00000010.pt", "checkpoint-00000100.pt"]


@pytest.mark.parametrize("damage", ["cut off", "empty", "a changed byte", "no checkpoint at all"])
def test_a_damaged_one_is_passed_over_with_a_line(
    damage: str, checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints.write(1, state(1))
    path = checkpoints.write(2, state(2))
    content = path.read_bytes()
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    damaged = {
        "cut off": content[:-1],
        "empty": b"",
        "a changed byte": changed,
        "no checkpoint at all": b"hello\n",
    }
    path.write_bytes(damaged[damage])
    assert value_of(checkpoints) == (1, 1.0)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{path}: damaged: it is not what its SHA-256 says; passed over"
    assert out[1].startswith("resuming from ")


def test_a_half_written_one_is_not_there(checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints.write(1, state(1))

    def power_cut(self: Path, target: Path) -> Path:
        raise OSError("the power is gone")

    monkeypatch.setattr(Path, "replace", power_cut)
    with pytest.raises(OSError, match="power"):
        checkpoints.write(2, state(2))
    assert value_of(checkpoints) == (1, 1.0)


def test_one_of_another_run_is_passed_over_and_says_what_differs(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints.write(5, state(5))
    other = Checkpoints(checkpoints.folder, RUN | {"width": 24, "records": "cd"})
    assert other.newest() is None
    assert "of another run: records, width differ; passed over" in capsys.readouterr().out


def test_what_is_no_checkpoint_is_left_alone(checkpoints: Checkpoints) -> None:
    checkpoints.write(1, state(1))
    for name in ("checkpoint-00000009.pt.half", "notes.txt", "checkpoint-last.pt"):
        (checkpoints.folder / name).write_text("other")
    assert value_of(checkpoints) == (1, 1.0)
    assert (checkpoints.folder / "notes.txt").read_text() == "other"


class Harmful:
    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.touched,)


def test_a_checkpoint_cannot_run_code(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints.write(3, {"network": Harmful(tmp_path / "touched")})
    assert checkpoints.newest() is None
    assert not (tmp_path / "touched").exists()
    assert "passed over" in capsys.readouterr().out
