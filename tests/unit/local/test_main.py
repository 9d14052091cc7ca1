"""What `python -m local demo` understands."""

import pytest

from local.__main__ import _parse


@pytest.mark.parametrize(
    ("said", "pictures"),
    [([], 0), (["--label-by-hand"], 12), (["--label-by-hand", "24"], 24), (["--label-by-hand", "0"], 0)],
)
def test_how_many_pictures_are_left_for_the_user(said: list[str], pictures: int) -> None:
    assert _parse(["demo", *said, "--seed", "3"]).label_by_hand == pictures


@pytest.mark.parametrize("said", ["yes", "-3", "1.5"])
def test_what_is_no_number_of_pictures_is_refused_in_one_line(
    said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        _parse(["demo", f"--label-by-hand={said}"])
    assert ended.value.code == 2
    assert f"'{said}' is not a number of pictures" in capsys.readouterr().err
