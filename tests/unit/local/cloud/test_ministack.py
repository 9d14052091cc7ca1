import pytest

from local.cloud.errors import LocalCloudError
from local.cloud.ministack import TOUCHPOINTS
from local.cloud.ministack_functions import exception_name
from local.cloud.touchpoints import Touchpoint, check_touchpoints

# Importing the emulator before a cloud has set its environment would switch IAM off for the whole process.
pytestmark = pytest.mark.usefixtures("cloud")


def test_installed_version_has_every_touchpoint() -> None:
    check_touchpoints(TOUCHPOINTS)


@pytest.mark.parametrize(
    ("planted", "message"),
    [
        (Touchpoint("ministack.app", "gone"), r"ministack 1\.5\.33: ministack\.app\.gone is missing"),
        (Touchpoint("ministack.nowhere", "x"), r"ministack\.nowhere\.x is missing"),
        (Touchpoint("ministack.app", "app", ("request",)), r"takes .*expected \('request',\)"),
    ],
)
def test_changed_touchpoint_is_named_with_the_version_to_install(planted: Touchpoint, message: str) -> None:
    with pytest.raises(LocalCloudError, match=f"{message}.*install that version"):
        check_touchpoints((*TOUCHPOINTS, planted))


def test_a_failed_function_is_named_by_its_exception_whatever_the_message() -> None:
    frames = 'START\nTraceback (most recent call last):\n  File "a.py", line 3, in handler\n    raise it\n'
    assert exception_name(f"{frames}lambdas.a.EndpointFailed: none:\n- method: gz") == "EndpointFailed"
    assert exception_name(f"{frames}ValueError") == "ValueError"
    assert exception_name("no traceback: at all") is None
