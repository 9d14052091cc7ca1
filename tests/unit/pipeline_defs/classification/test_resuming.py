import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_sides import (
    arguments,
    model_bytes,
    tiny_settings,
    write_settings,
    write_side,
)

from pipeline_defs.classification import training
from pipeline_defs.classification.scripts import train
from pipeline_defs.classification.training import Training

ROOT = Path(__file__).parents[4]
BATCHES = 4  # an epoch of 36 pictures in batches of 8 has


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with settings and a side to train on."""
    folder = tmp_path_factory.mktemp("run")
    write_settings(folder, tiny_settings())
    write_side(folder / "train", {"red": 12, "green": 12, "blue": 12})
    return folder


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """These take a fraction of a second, and would be trained again rather than kept."""
    monkeypatch.setattr(training, "KEPT_EPOCH_SECONDS", -1)


def interrupted_run(
    work: Path,
    model: str,
    after: int,
    monkeypatch: pytest.MonkeyPatch,
    order: signal.Signals = signal.SIGTERM,
    *,
    kept: bool = True,
) -> None:
    """Run the script with a signal sent to this very process in the middle of a step."""
    learn = Training._learn
    steps = iter(range(1, 1000))
    folder = [f"--checkpoint-dir={work / model / 'kept'}"] if kept else []

    def learn_and_be_told(self: Training, batch: object) -> float:
        loss = learn(self, batch)
        if next(steps) == after:
            os.kill(os.getpid(), order)
        return loss

    with monkeypatch.context() as patched:
        patched.setattr(Training, "_learn", learn_and_be_told)
        with pytest.raises(SystemExit) as ended:
            train.main(arguments(work, model, "--epochs=3", *folder))
    assert ended.value.code == 128 + order


@pytest.mark.parametrize(
    ("after", "order"),
    [
        (1, signal.SIGTERM),
        (BATCHES, signal.SIGTERM),
        (BATCHES + 2, signal.SIGINT),
        (3 * BATCHES - 1, signal.SIGTERM),
    ],
)
def test_a_run_that_was_interrupted_ends_with_the_weights_of_one_that_was_not(
    after: int,
    order: signal.Signals,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    train.main(arguments(work, "whole", "--epochs=3"))
    whole = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    name = f"interrupted-{after}"
    interrupted_run(work, name, after, monkeypatch, order)
    before = capsys.readouterr().out.splitlines()
    assert f"ended after step {after} of {3 * BATCHES}; kept in " in before[-1]
    assert not (work / name / "model.onnx").exists()
    train.main(arguments(work, name, "--epochs=3", f"--checkpoint-dir={work / name / 'kept'}"))
    after_it = capsys.readouterr().out.splitlines()
    assert f"after step {after}" in "\n".join(after_it)
    assert [line for line in before + after_it if line.startswith("epoch")] == whole
    assert model_bytes(work, name) == model_bytes(work, "whole")


def test_a_run_that_was_killed_goes_on_from_the_last_whole_epoch(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGKILL leaves no time for anything, and a newest checkpoint that is damaged leaves the one before."""
    train.main(arguments(work, "unkilled", "--epochs=3"))
    interrupted_run(work, "killed", 2 * BATCHES + 1, monkeypatch)
    newest = max((work / "killed" / "kept").glob("*.pt"))
    newest.write_bytes(newest.read_bytes()[:-1])
    capsys.readouterr()
    train.main(arguments(work, "killed", "--epochs=3", f"--checkpoint-dir={work / 'killed' / 'kept'}"))
    out = capsys.readouterr().out
    assert f"{newest}: damaged" in out
    assert f"after step {2 * BATCHES}" in out
    assert model_bytes(work, "killed") == model_bytes(work, "unkilled")


def test_a_second_ctrl_c_does_not_wait_for_the_step(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def learn(self: Training, batch: object) -> float:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the step went on")

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(Training, "_learn", learn)
    with pytest.raises(KeyboardInterrupt):
        train.main(arguments(work, "impatient", f"--checkpoint-dir={work / 'impatient-kept'}"))
    assert not (work / "impatient-kept").exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_finished_run_that_is_started_again_gives_the_same_model(work: Path) -> None:
    kept = f"--checkpoint-dir={work / 'finished-kept'}"
    train.main(arguments(work, "finished", "--epochs=1", kept))
    train.main(arguments(work, "finished-again", "--epochs=1", kept))
    assert model_bytes(work, "finished") == model_bytes(work, "finished-again")


def test_between_epochs_a_checkpoint_is_written_when_its_time_has_come(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    steps = []
    write = training.Checkpoints.write

    def note(self: training.Checkpoints, step: int, state: dict[str, object]) -> Path:
        steps.append(step)
        return write(self, step, state)

    monkeypatch.setattr(training.Checkpoints, "write", note)
    train.main(arguments(work, "often", "--epochs=1", f"--checkpoint-dir={work / 'often-kept'}"))
    assert sorted(set(steps)) == list(range(1, BATCHES + 1))


def test_a_short_epoch_is_not_kept(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "KEPT_EPOCH_SECONDS", 3600)
    train.main(arguments(work, "short", "--epochs=2", f"--checkpoint-dir={work / 'short-kept'}"))
    assert not list((work / "short-kept").glob("*"))


def test_without_a_checkpoint_folder_an_end_says_that_nothing_is_kept(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted_run(work, "nowhere", 2, monkeypatch, kept=False)
    assert "no checkpoint folder, so nothing is kept" in capsys.readouterr().out


def test_the_jobs_checkpoint_folder_is_taken_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    given = ["--settings=s", "--train=t", "--seed=1"]
    assert train.parse(given).checkpoint_dir is None
    (tmp_path / "checkpoints").mkdir()
    assert train.parse(given).checkpoint_dir == tmp_path / "checkpoints"


@pytest.mark.acceptance
def test_sigterm_ends_the_scripts_process_with_a_checkpoint_and_the_next_one_goes_on(work: Path) -> None:
    """As a spot instance that goes: another process, on another machine, with the synced checkpoints."""
    words = arguments(work, "spot", "--epochs=40", f"--checkpoint-dir={work / 'spot-kept'}")
    command = [sys.executable, "-m", "pipeline_defs.classification.scripts.train", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        for line in first.stdout:
            if line.startswith("epoch 3/"):
                first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=60) == 143
    assert not (work / "spot" / "model.onnx").exists()
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert "resuming from " in second.stdout
    train.main(arguments(work, "no-spot", "--epochs=40"))
    digests = {hashlib.sha256(model_bytes(work, name)).hexdigest() for name in ("spot", "no-spot")}
    assert len(digests) == 1
