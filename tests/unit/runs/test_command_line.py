"""What a person at a terminal reads who has mistyped something, or is not signed in."""

from pathlib import Path

import pytest

from runs.__main__ import main

_ASK = ["--model", "species", "--api", "https://abc.execute-api.eu-west-1.amazonaws.com/v1/"]


@pytest.fixture(autouse=True)
def _nobody_signed_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def test_who_is_not_signed_in_reads_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", *_ASK]) == 2
    assert capsys.readouterr().err == "error: nobody is signed in to AWS here: there are no credentials\n"


def test_a_profile_that_is_none_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobodys")

    assert main(["list", *_ASK]) == 2
    assert capsys.readouterr().err == "error: The config profile (nobodys) could not be found\n"


@pytest.mark.parametrize("text", ["flowers", "flowers=", "=3", "flowers=3,", "flowers=-1", "flowers=new"])
def test_children_are_given_with_the_numbers_of_their_versions(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["start", *_ASK, f"--children={text}"])
    assert f"--children: {text!r} is not like flowers=3,trees=12" in capsys.readouterr().err
