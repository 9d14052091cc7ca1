import pytest

from local.cloud.call_log import CallLog, Denial, principal_name


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::000000000000:user/anna", "user/anna"),
        ("arn:aws:iam::000000000000:user/people/anna", "user/anna"),
        ("arn:aws:sts::000000000000:assumed-role/Trainer/job-1", "role/Trainer"),
        ("arn:aws:iam::000000000000:root", "root"),
        ("events.amazonaws.com", "events.amazonaws.com"),
    ],
)
def test_principal_has_one_name_for_all_its_sessions(arn: str, name: str) -> None:
    assert principal_name(arn) == name


def test_log_counts_by_principal() -> None:
    log = CallLog()
    for session in ("a", "b"):
        log.record(f"arn:aws:sts::000000000000:assumed-role/R/{session}", "s3:GetObject", "arn:x", True)
    log.record("arn:aws:iam::000000000000:user/u", "s3:PutObject", "arn:y", False)
    assert log.summary() == {
        "calls_allowed": 2,
        "calls_denied": 1,
        "by_principal": {"role/R": {"allowed": 2, "denied": 0}, "user/u": {"allowed": 0, "denied": 1}},
    }
    assert log.denials == [Denial("user/u", "s3:PutObject", "arn:y")]


def test_cleared_log_is_empty() -> None:
    log = CallLog()
    log.record("arn:aws:iam::000000000000:root", "s3:GetObject", "*", False)
    log.clear()
    assert log.summary() == {"calls_allowed": 0, "calls_denied": 0, "by_principal": {}}
    assert log.denials == []


def test_a_recording_keeps_every_decision_with_its_condition_keys_until_it_ends() -> None:
    log = CallLog()
    with log.recording() as decisions:
        log.record("arn:aws:iam::000000000000:user/u", "s3:PutObject", "arn:y", False, {"s3:prefix": "a"})
    log.record("arn:aws:iam::000000000000:user/u", "s3:PutObject", "arn:z", True)
    assert [(d.resource, d.allowed, d.context) for d in decisions] == [("arn:y", False, {"s3:prefix": "a"})]
