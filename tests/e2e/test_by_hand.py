"""A user labels by hand: with what the terminal says, at the page's own addresses, and the line goes on."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from demo_process import DemoProcess, read, write_configuration

from local.cloud.addresses import Addresses
from local.cloud.pool_users import SignInPage, ask
from local.demo.boxes import Box
from local.demo.workbench import Task, Workbench

PICTURES, MINE, INTERRUPTED = 24, 3, 130
CENTRE = Box("scratch", 200, 120, 40, 30)

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoProcess]:
    configuration = write_configuration(tmp_path / "small.toml", train_steps=10, map50_threshold=0.0)
    arguments = ("--pictures", str(PICTURES), "--config", str(configuration), "--label-by-hand", str(MINE))
    with DemoProcess(tmp_path / "run", *arguments) as process:
        process.await_line("Password", 400)
        yield process


def come_in(output: str) -> Workbench:
    """Sign in as the user, who knows what the terminal has said and what the page says."""
    said = {name: re.search(rf"{name} +(\S+)", output) for name in ("Username", "Password")}
    assert all(said.values()), output
    name, password = (found[1] for found in said.values() if found)
    [page] = re.findall(r"http://\S+\.localhost:\d+/", output)
    cloud = f"http://127.0.0.1:{urlsplit(page).port}"
    aws = Addresses(cloud, "[a-z0-9-]+").to_aws
    settings = json.loads(aws(ask(f"{page}settings.json").body.decode()))
    sign_in = SignInPage(cloud, settings["sign_in"], settings["client_id"], aws(page))
    token = sign_in.tokens(name, password).identity
    return Workbench(f"{page}api/", lambda: token)


def answer_one(user: Workbench) -> Task:
    [task] = user.claim("label", 1)
    assert user.picture(task)
    user.answer(task.task_id, {"boxes": [CENTRE.as_dict()]})
    return task


def test_the_line_waits_for_the_user_and_says_in_the_end_who_labelled_what(demo: DemoProcess) -> None:
    assert f"{MINE} of {PICTURES} pictures wait for you" in demo.output
    assert "Enter" not in demo.output  # there is no terminal
    user, drawn = come_in(demo.output), set()
    for number in range(1, MINE + 1):
        drawn.add(answer_one(user).image_uri)
        demo.await_line(f"{number} of {MINE} by hand", 60)
    assert len(drawn) == MINE
    demo.await_line(f"{MINE} of {MINE} by hand: thank you.", 60)
    status = demo.end(600)
    assert status == 0, demo.output
    assert "Traceback" not in demo.output
    assert demo.left_behind() == []
    all_labeled_and_told(demo.folder)


def all_labeled_and_told(folder: Path) -> None:
    images, details = read(folder, "summary.json")["images"], read(folder, "details.json")
    assert images["labeled"] + images["quarantined"] == images["total"]
    workers = {worker["name"]: worker for worker in details["workers"]}
    assert {name for name, worker in workers.items() if worker["by_hand"]} == {"you"}
    assert workers["you"]["drawn"] == MINE
    assert sum(worker["kept"] for worker in workers.values()) == images["labeled"]
    assert f"{MINE} drawn by <b>you</b>, by hand" in (folder / "report.html").read_text(encoding="utf-8")


def test_ctrl_c_while_the_line_waits_leaves_nothing(demo: DemoProcess) -> None:
    answer_one(come_in(demo.output))
    demo.await_line(f"1 of {MINE} by hand", 60)
    demo.interrupt()
    assert demo.end(60) == INTERRUPTED, demo.output
    assert "Traceback" not in demo.output
    assert demo.left_behind() == []
