import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.cloud.errors import LocalCloudError
from local.demo.annotator import UNKNOWN, Annotator, Crew, KnownLabels, Truth
from local.demo.boxes import Box
from local.demo.share import Share
from local.demo.workbench import ATTEMPTS, Task, Workbench, WorkbenchError

CLASSES = ("scratch", "dent")


class FakeWorkbench:
    """The workbench's API over HTTP: one picture a task, each labelled, then verified by somebody else."""

    def __init__(self, pictures):
        self.pictures = pictures
        self.answers = []  # (who, kind, picture, answer)
        self.labels = {}
        self.labeled_by = {}
        self.open = {("label", name) for name in pictures}
        self.leased = {}
        self.failures = []  # statuses to answer with before anything else
        self.refuse_boxes_of = set()
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def claim(self, who, kind, limit):
        with self.lock:
            mine = [
                task
                for task in sorted(self.open)
                if task[0] == kind and not (kind == "verify" and self.labeled_by[task[1]] == who)
            ][:limit]
            self.open -= set(mine)
            self.leased |= dict.fromkeys((f"{kind}-{name}" for _, name in mine), who)
        return 200, {"tasks": [self.task(kind, name) for _, name in mine]}

    def task(self, kind, name):
        return {
            "task_id": f"{kind}-{name}",
            "kind": kind,
            "image_uri": f"s3://images/{name}",
            "image_url": f"{self.url}pictures/{name}?X-Amz-Signature=abc",
            "width": 100,
            "height": 80,
            "classes": CLASSES,
            "boxes": self.labels.get(name, []),
        }

    def answer(self, who, task_id, answer):
        kind, _, name = task_id.partition("-")
        with self.lock:
            if self.leased.get(task_id) != who:
                return 403, {"message": "not yours"}
            if name in self.refuse_boxes_of and "boxes" in answer:
                return 400, {"message": "a box is no box"}
            self.answers.append((who, kind, name, answer))
            if "boxes" in answer:
                self.labels[name], self.labeled_by[name] = answer["boxes"], who
                self.open.add(("verify", name))
            if answer.get("verdict") == "reject":
                self.open.add(("label", name))
            return 200, {"accepted": True}

    def approved(self):
        return {name for _, _, name, answer in self.answers if answer.get("verdict") == "approve"}


def _handler(bench):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.partition("?")[0].rpartition("/")[2]
            content = bench.pictures.get(name)
            self._reply(404 if content is None else 200, content or b"")

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if bench.failures:
                self._reply(bench.failures.pop(), b'{"message": "Too Many Requests"}')
                return
            scheme, _, who = self.headers["Authorization"].partition(" ")
            assert scheme == "Bearer"
            if self.path == "/tasks/claim":
                status, answer = bench.claim(who, body["kind"], body["limit"])
            else:
                status, answer = bench.answer(who, self.path.split("/")[2], body)
            self._reply(status, json.dumps(answer).encode())

        def _reply(self, status, content):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    return Handler


@pytest.fixture
def bench():
    fake = FakeWorkbench({f"{number}.jpg": f"picture {number}".encode() for number in range(30)})
    yield fake
    fake.stop()


def truths(bench):
    return {
        hashlib.sha256(content).hexdigest(): Truth((Box("scratch", 10, 10, 30, 20),) if number % 3 else ())
        for number, content in enumerate(bench.pictures.values())
    }


def crew(bench, known, names=("ada", "ben"), **options):
    people = [Annotator(name, client(bench, name)) for name in names]
    return Crew(people, known, poll_seconds=0.01, **options)


def client(bench, name="ada"):
    return Workbench(bench.url, lambda: name, sleep=lambda seconds: None)


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.005)


def test_every_picture_ends_up_approved_with_the_truth_whatever_mistakes_were_made(bench):
    known = KnownLabels(truths(bench), mistake_rate=0.4, seed=1)
    with crew(bench, known) as working:
        until(lambda: len(bench.approved()) == 30)

    assert working.failure is None
    for name, content in bench.pictures.items():
        expected = truths(bench)[hashlib.sha256(content).hexdigest()].boxes
        assert [Box.from_dict(box) for box in bench.labels[name]] == list(expected)
    assert working.tally.mistakes == working.tally.rejected > 3
    assert working.tally.approved == 30
    assert working.tally.labeled == 30 + working.tally.rejected


def test_nobody_verifies_their_own_label(bench):
    with crew(bench, KnownLabels(truths(bench), mistake_rate=0.3, seed=1)):
        until(lambda: len(bench.approved()) == 30)

    drawn = {}
    for who, kind, name, _ in bench.answers:
        if kind == "label":
            drawn[name] = who
        else:
            assert drawn[name] != who


def test_who_has_the_last_word_says_what_is_so(bench):
    known = KnownLabels(truths(bench), mistake_rate=1.0, seed=1)
    task = Task.from_dict(bench.task("settle", "1.jpg"))
    expected = truths(bench)[hashlib.sha256(b"picture 1").hexdigest()].boxes
    assert known.answer(task, b"picture 1") == ({"boxes": [box.as_dict() for box in expected]}, "settled")


def test_a_labeler_and_a_verifier_keep_to_their_kind(bench):
    known = KnownLabels(truths(bench), mistake_rate=0.0, seed=1)
    people = [
        Annotator("ada", client(bench, "ada"), ("label",)),
        Annotator("cleo", client(bench, "cleo"), ("verify",)),
    ]
    with Crew(people, known, poll_seconds=0.01):
        until(lambda: len(bench.approved()) == 30)

    assert {(who, kind) for who, kind, _, _ in bench.answers} == {("ada", "label"), ("cleo", "verify")}


def test_the_crew_leaves_alone_what_is_not_its_share_and_verifies_what_others_drew(bench):
    known, share = KnownLabels(truths(bench), mistake_rate=0, seed=1), Share(5)
    with crew(bench, known, share=share) as working:
        share.opened(30)
        until(lambda: len(bench.approved()) == 25)
        assert len({task for task in bench.open if task[0] == "label"}) == 5
        by_hand = client(bench, "you").claim("label", 3)
        for task in by_hand:
            client(bench, "you").answer(task.task_id, known.answer(task, bench.pictures[task.task_id[6:]])[0])
        until(lambda: len(bench.approved()) == 28)
        share.hand_over()
        until(lambda: len(bench.approved()) == 30)

    assert working.tally.labeled == 27
    assert {who for who, kind, _, _ in bench.answers if kind == "label"} == {"ada", "ben", "you"}


def test_the_same_seed_makes_the_same_mistakes(bench):
    def first_labels(seed):
        known = KnownLabels(truths(bench), mistake_rate=0.5, seed=seed)
        task = client(bench).claim("label", 1)[0]
        bench.open.add(("label", "0.jpg"))
        return [known.answer(task, content)[0] for content in bench.pictures.values()]

    assert first_labels(3) == first_labels(3)
    assert first_labels(3) != first_labels(4)


def test_pictures_that_cannot_be_read_or_are_gone_or_unknown_are_called_unusable(bench):
    known = truths(bench)
    known[hashlib.sha256(b"picture 4").hexdigest()] = Truth(unusable="too dark")
    bench.pictures["5.jpg"] = b"somebody else's picture"
    content_of_six = bench.pictures.pop("6.jpg")
    with crew(bench, KnownLabels(known, mistake_rate=0, seed=1)) as working:
        until(lambda: len(bench.answers) >= 27 * 2 + 3)

    unusable = {name: answer["unusable"] for _, _, name, answer in bench.answers if "unusable" in answer}
    assert unusable == {"4.jpg": "too dark", "5.jpg": UNKNOWN, "6.jpg": UNKNOWN}
    assert working.tally.unusable == 3
    assert content_of_six


def test_throttling_and_server_errors_are_waited_out(bench):
    bench.failures = [429, 503, 500, 429, 502]
    with crew(bench, KnownLabels(truths(bench), mistake_rate=0, seed=1)) as working:
        until(lambda: len(bench.approved()) == 30)

    assert working.failure is None
    assert bench.failures == []


def test_an_annotator_without_permission_gives_up_with_the_reason(bench):
    bench.failures = [403] * 2
    with crew(bench, KnownLabels(truths(bench), mistake_rate=0, seed=1), names=("ada",)) as working:
        until(lambda: working.failure)

    assert working.failure.startswith("ada: POST ")
    assert "403 Too Many Requests" in working.failure
    assert bench.answers == []


def test_a_label_that_the_workbench_refuses_does_not_hold_the_round_up(bench):
    bench.refuse_boxes_of = {"7.jpg"}
    with crew(bench, KnownLabels(truths(bench), mistake_rate=0, seed=1)):
        until(lambda: len(bench.approved()) == 29 and any(name == "7.jpg" for _, _, name, _ in bench.answers))

    answer = next(answer for _, _, name, answer in bench.answers if name == "7.jpg")
    assert "a box is no box" in answer["unusable"]


def test_an_answer_that_comes_too_late_is_counted_and_left(bench):
    bench.leased = _Lost()
    with crew(bench, KnownLabels(truths(bench), mistake_rate=0, seed=1)) as working:
        until(lambda: working.tally.refused == 30)

    assert working.failure is None


def test_progress_is_told_after_every_answer(bench):
    seen = []
    known = KnownLabels(truths(bench), mistake_rate=0, seed=1)
    with crew(bench, known, on_progress=lambda tally: seen.append(tally.labeled + tally.approved)):
        until(lambda: len(bench.approved()) == 30)

    assert seen == list(range(1, 61))


def test_a_server_that_is_gone_is_an_error_after_some_attempts(bench):
    pauses = []
    unreachable = Workbench("http://127.0.0.1:9/", lambda: "ada", sleep=pauses.append)

    with pytest.raises(WorkbenchError, match=r"POST http://127\.0\.0\.1:9/tasks/claim"):
        unreachable.claim("label", 1)

    assert len(pauses) == ATTEMPTS - 1
    assert max(pauses) <= 10


class _Lost(dict):
    def get(self, key, default=None):
        return None


def test_who_is_not_let_in_gives_up_by_name(bench):
    def nobody():
        raise LocalCloudError("ada is signed out")

    people = [Annotator("ada", Workbench(bench.url, nobody, sleep=lambda seconds: None))]
    with Crew(people, KnownLabels(truths(bench), mistake_rate=0, seed=1), poll_seconds=0.01) as working:
        deadline = time.monotonic() + 20
        while working.failure is None and time.monotonic() < deadline:
            time.sleep(0.01)
    assert working.failure == "ada: the sign-in page: ada is signed out"
