from __future__ import annotations

import pytest

from local.codebuild.phase_error import PhaseError
from local.codebuild.runtimes import check


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.x", "3", "latest", "$PYTHON"])
def test_python_runs_on_the_one_at_hand_and_says_so(version: str) -> None:
    (line,) = check({"python": version}, {"PYTHON": "3.13"}, "")
    assert "runs on this machine's, 3." in line


@pytest.mark.parametrize(
    ("runtimes", "said"),
    [
        ({"python": "3.9"}, "python 3.9 is below 3.11"),
        ({"python": "2.7"}, "python 2.7 is not known"),
        ({"java": "corretto21"}, "java is not on this machine"),
        ({"nodejs": "22"}, "nodejs 22 is not on this machine"),
    ],
)
def test_what_is_not_here_is_refused(runtimes: dict[str, str], said: str) -> None:
    with pytest.raises(PhaseError, match=said):
        check(runtimes, {}, "/nowhere")
