"""The order of phases, whatever fails, and the shell that the commands share."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.codebuild import variables
from local.codebuild.phase_error import PhaseError
from local.codebuild.shell import Interrupted

Bench = Any  # of the conftest
Make = Callable[..., Bench]


def spec(failing: str = "", **more: str) -> str:
    phases = "".join(
        f"  {name}:\n    commands: [echo {name}{', false, echo never' if name == failing else ''}]\n"
        f"    finally: [echo {name} over]\n{more.get(name, '')}"
        for name in ("install", "pre_build", "build", "post_build")
    )
    return f"version: 0.2\nphases:\n{phases}"


def both(*names: str) -> list[str]:
    return [line for name in names for line in (name, f"{name} over")]


def test_phases_run_in_their_order(bench: Make) -> None:
    build = bench()
    assert build.run(spec()) == (True, True)
    assert build.printed == both("install", "pre_build", "build", "post_build")
    assert set(build.phases.values()) == {"SUCCEEDED"}


@pytest.mark.parametrize(
    ("failing", "run", "uploads"),
    [
        ("install", ["install"], False),
        ("pre_build", ["install", "pre_build"], False),
        ("build", ["install", "pre_build", "build", "post_build"], True),
        ("post_build", ["install", "pre_build", "build", "post_build"], True),
    ],
)
def test_after_a_failure_runs_what_codebuild_runs(
    bench: Make, failing: str, run: list[str], uploads: bool
) -> None:
    build = bench()
    assert build.run(spec(failing)) == (False, uploads)
    assert build.printed == both(*run)
    assert build.phases == {n.upper(): "FAILED" if n == failing else "SUCCEEDED" for n in run}
    failed = next(p for p in build.record.snapshot()["phases"] if p["phaseStatus"] == "FAILED")
    message = "Error while executing command: false. Reason: exit status 1"
    assert failed["contexts"] == [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": message}]


def test_abort_ends_the_build(bench: Make) -> None:
    build = bench()
    assert build.run(spec("build", build="    on-failure: ABORT\n")) == (False, False)
    assert "POST_BUILD" not in build.phases


@pytest.mark.parametrize("failing", ["install", "pre_build", "build"])
def test_continue_goes_on_and_the_build_has_failed_all_the_same(bench: Make, failing: str) -> None:
    build = bench()
    assert build.run(spec(failing, **{failing: "    on-failure: CONTINUE\n"})) == (False, True)
    assert list(build.phases) == ["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"]


def test_failure_of_finally_fails_its_phase(bench: Make) -> None:
    build = bench()
    text = "version: 0.2\nphases: {pre_build: {commands: ['true'], finally: ['false']}}"
    assert build.run(text) == (False, False)
    assert build.phases["PRE_BUILD"] == "FAILED"


def test_build_knows_whether_it_is_succeeding(bench: Make) -> None:
    build = bench()
    build.run("""
version: 0.2
phases:
  pre_build: {commands: [echo before $CODEBUILD_BUILD_SUCCEEDING]}
  build: {commands: ['false']}
  post_build: {commands: [echo after $CODEBUILD_BUILD_SUCCEEDING]}
""")
    assert build.printed == ["before 1", "after 0"]


@pytest.mark.parametrize("shell", ["bash", "/bin/sh"])
def test_variables_and_folder_stay_over_commands_and_phases(bench: Make, shell: str) -> None:
    build = bench()
    build.run(f"""
version: 0.2
env: {{shell: {shell}}}
phases:
  install: {{commands: [mkdir sub, cd sub, export A=exported, B=plain]}}
  build: {{commands: ['echo $A $B $(basename $(pwd))']}}
""")
    assert build.printed == ["exported plain sub"]


@pytest.mark.parametrize("shell", ["bash", "/bin/sh"])
def test_exit_ends_its_command_only(bench: Make, shell: str) -> None:
    build = bench()
    text = f"""
version: 0.2
env: {{shell: {shell}}}
phases:
  build: {{commands: [export A=kept, 'echo last words; exit 3', echo never], finally: [echo $A]}}
"""
    assert build.run(text) == (False, True)
    assert build.printed == ["last words", "kept"]
    message = build.record.snapshot()["phases"][2]["contexts"][0]["message"]
    assert message.endswith("Reason: exit status 3")


def test_command_reads_no_other_command(bench: Make) -> None:
    build = bench()
    assert build.run("version: 0.2\nphases: {build: {commands: [cat, echo next]}}") == (True, True)
    assert build.printed == ["next"]


def test_exported_variables_have_newlines_and_quotes(bench: Make) -> None:
    build = bench()
    commands = [r"""export A=$(printf 'one\n"two" =3')""", """export B="it's"; NOWHERE=unexported"""]
    build.run(json.dumps({"version": "0.2", "phases": {"build": {"commands": commands}}}))
    assert variables.exported(("A", "B", "NOWHERE"), build.shell.environment) == [
        {"name": "A", "value": 'one\n"two" =3'},
        {"name": "B", "value": "it's"},
    ]


def test_command_that_takes_too_long_is_ended_with_its_children(bench: Make) -> None:
    build = bench(seconds=1.0)
    with pytest.raises(Interrupted, match="TIMED_OUT"):
        build.run("version: 0.2\nphases: {build: {commands: ['sleep 60 & wait']}}")
    build.shell.close()
    assert build.printed == []


def test_stop_ends_the_command_and_all_later_ones(bench: Make) -> None:
    build = bench()
    asked = threading.Event()

    def hear(line: str) -> None:
        if line == "ready":
            build.shell.stop()
            asked.set()

    build.log._on_line = hear
    with pytest.raises(Interrupted, match="STOPPED"):
        build.run("version: 0.2\nphases: {build: {commands: [echo ready; sleep 60], finally: [echo no]}}")
    assert asked.is_set()
    with pytest.raises(Interrupted, match="STOPPED"):
        build.commands.expanded("name")


def test_secret_is_printed_nowhere(bench: Make) -> None:
    build = bench(variables={"SECRET": "hush\nhush-too"})
    build.log.hide(["hush\nhush-too"])
    build.run("version: 0.2\nphases: {build: {commands: ['echo \"$SECRET\"', 'false hush-too']}}")
    written = build.log.path.read_text()
    told = str(build.record.snapshot())
    assert "hush" not in written + told + "".join(build.lines)
    assert build.printed == ["***", "***"]


def test_name_of_an_artifact_is_expanded_by_the_shell(bench: Make) -> None:
    build = bench()
    build.run("version: 0.2\nphases: {build: {commands: [export V=7]}}")
    assert build.commands.expanded("made-$V-$(echo x y)") == "made-7-x y"
    with pytest.raises(PhaseError, match="cannot expand"):
        build.commands.expanded('a" && false "')


def counting_pip(folder: Path, status: int = 0) -> Path:
    """Put a `pip` before all others that counts its calls and fills node_modules as npm would."""
    count = folder / "calls"
    for name in ("pip", "npm"):
        program = folder / "bin" / name
        program.parent.mkdir(exist_ok=True)
        made = "mkdir -p node_modules && echo package >node_modules/p\n" if name == "npm" else ""
        program.write_text(f"#!/bin/sh\necho called >>{count}\n{made}exit {status}\n")
        program.chmod(0o755)
    return count


def calls(count: Path) -> int:
    return len(count.read_text().splitlines()) if count.exists() else 0


def again(build: Bench, text: str) -> None:
    build.shell.close()
    build.run(text)


def test_what_installs_runs_once_for_an_environment(bench: Make) -> None:
    build = bench()
    count = counting_pip(build.folder)
    text = "version: 0.2\nphases: {install: {commands: [pip install x==1]}}"
    build.run(text)
    again(build, text)
    assert calls(count) == 1
    assert any("Cached" in line for line in build.lines)
    again(build, text.replace("x==1", "x==2"))
    assert calls(count) == 2


def test_what_installs_in_another_phase_always_runs(bench: Make) -> None:
    build = bench()
    count = counting_pip(build.folder)
    text = "version: 0.2\nphases: {build: {commands: [pip install x==1]}}"
    build.run(text)
    again(build, text)
    assert calls(count) == 2


def test_failed_install_is_not_kept(bench: Make) -> None:
    build = bench()
    count = counting_pip(build.folder, status=1)
    text = "version: 0.2\nphases: {install: {commands: [pip install x==1]}}"
    assert build.run(text) == (False, False)
    again(build, text)
    assert calls(count) == 2


def test_node_modules_come_back(bench: Make) -> None:
    build = bench()
    count = counting_pip(build.folder)
    text = "version: 0.2\nphases: {install: {commands: [npm ci]}}"
    build.run(text)
    made = build.folder / "src/node_modules/p"
    made.unlink()
    again(build, text)
    assert calls(count) == 1
    assert made.read_text() == "package\n"
