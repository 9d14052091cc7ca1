from pathlib import Path

from local.cloud.call import Credentials
from local.delivery import people
from local.delivery.serving import Serving
from local.source.folder import write

KEYS = {"access_key": "k", "secret_key": "s", "session_token": "", "principal_arn": "arn:aws:iam::0:user/a"}


def serving(folder: Path, since: float) -> Serving:
    return Serving(1, "http://x", "0", "eu-west-1", since, folder, Credentials("k", "s", "", "root"))


def test_people_of_a_cloud_that_is_gone_are_nobody_in_the_next(tmp_path: Path) -> None:
    assert people.hired(serving(tmp_path, 1.0)) is None
    write(tmp_path / "people.json", {"of": 1.0, "keys": {"pusher": KEYS, "onlooker": KEYS, "approver": None}})
    found = people.hired(serving(tmp_path, 1.0))
    assert found is not None
    assert (found.pusher, found.approver) == (Credentials(**KEYS), None)
    assert people.hired(serving(tmp_path, 2.0)) is None
