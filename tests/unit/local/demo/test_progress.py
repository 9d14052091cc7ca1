import io

import pytest

from local.demo.progress import Terminal
from local.demo.summary import Stage


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def plain(clock=None, stream=None):
    stream = stream or io.StringIO()
    return Terminal(stream, interactive=False, clock=clock or Clock()), stream


def test_each_part_leaves_a_line_with_its_outcome_and_its_time():
    clock = Clock()
    terminal, stream = plain(clock)
    with terminal.part("Label the pictures") as part:
        clock.now += 41.2
        part.result("300 labeled [28 twice]")

    begun, done = stream.getvalue().splitlines()
    assert begun == "  Label the pictures ..."
    assert done.split() == ["✓", "Label", "the", "pictures", "300", "labeled", "[28", "twice]", "41.2", "s"]
    assert terminal.stages == [Stage("Label the pictures", 41.2)]
    assert terminal.seconds == 41.2


def test_a_part_that_fails_is_marked_and_timed():
    terminal, stream = plain()
    with pytest.raises(RuntimeError), terminal.part("Train"):
        raise RuntimeError("no")

    assert "✗ Train" in stream.getvalue()
    assert "failed" in stream.getvalue()
    assert [stage.name for stage in terminal.stages] == ["Train"]


def test_an_interrupted_part_says_so():
    terminal, stream = plain()
    with pytest.raises(KeyboardInterrupt), terminal.part("Train"):
        raise KeyboardInterrupt

    assert "stopped" in stream.getvalue()


def test_long_work_in_a_pipe_writes_a_line_every_ten_seconds_at_most():
    clock = Clock()
    terminal, stream = plain(clock)
    with terminal.part("Upload") as part:
        move = part.bar("pictures")
        for done in range(1, 101):
            clock.now += 0.25
            move(done, 100)

    assert [line.strip() for line in stream.getvalue().splitlines()[1:-1]] == [
        "pictures 40/100",
        "pictures 80/100",
    ]


def test_what_is_being_done_is_said_once_in_a_pipe_and_leaves_room_for_how_far_it_is():
    clock = Clock()
    terminal, stream = plain(clock)
    with terminal.part("Train") as part:
        move = part.bar("steps")
        for done in range(1, 51):
            clock.now += 0.25
            part.doing("TrainDetector")
            move(done, 50)

    assert [line.strip() for line in stream.getvalue().splitlines()[1:-1]] == ["TrainDetector", "steps 40/50"]


def test_a_terminal_shows_bars_and_keeps_only_the_lines():
    stream = io.StringIO()
    terminal = Terminal(stream, interactive=True)
    with terminal.part("Upload [all]") as part:
        part.doing("to s3://images")
        part.bar("pictures")(7, 10)
        part.result("10 pictures")

    assert "7/10" in stream.getvalue()
    assert "to s3://images" in stream.getvalue()
    assert "Upload [all]" in stream.getvalue().splitlines()[-1]


def test_a_terminal_without_unicode_gets_ascii():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    terminal = Terminal(stream, interactive=False)
    with terminal.part("Upload"):
        pass
    stream.flush()

    assert b"ok Upload" in stream.buffer.getvalue()
