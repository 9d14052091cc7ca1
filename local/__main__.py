"""`python -m local`: the whole line on this machine, without an AWS account."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
BY_HAND = 12
ROOT = Path(__file__).parents[1]


def main(arguments: Sequence[str]) -> int:
    """Run a command; return its exit status."""
    options = _parse(arguments)
    # SIGINT too: a shell starts what it puts in the background with it ignored, and Python leaves it so.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    commands = {
        "demo": _demo,
        "demo-species": _demo_species,
        "doctor": _doctor,
        "settings": _settings,
        "verify": _audit,
        "rebuild": _audit,
    }
    run = commands.get(options.command, _deliver)
    try:
        return run(options)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED


def _demo(options: argparse.Namespace) -> int:
    # A second's worth of imports that `--help` and a wrong option do not need.
    from local.demo.line import Line
    from local.demo.options import Options
    from local.demo.progress import Terminal

    terminal = Terminal()
    line = Line(
        Options(
            folder=options.folder.resolve(),
            images=options.images and options.images.resolve(),
            labels=options.labels and options.labels.resolve(),
            seed=options.seed,
            pictures=options.pictures,
            configuration=options.config.resolve(),
            by_hand=options.label_by_hand,
            stay=options.stay,
        ),
        terminal,
    )
    return _until_stopped(line.run, terminal.say)


def _demo_species(options: argparse.Namespace) -> int:
    from local.demo.progress import Terminal
    from local.species.line import SpeciesLine
    from local.species.options import Options

    terminal = Terminal()
    line = SpeciesLine(
        Options(
            folder=options.folder.resolve(),
            images=options.images and options.images.resolve(),
            seed=options.seed,
            each=options.each,
            stay=options.stay,
        ),
        terminal,
    )
    return _until_stopped(line.run, terminal.say)


def _until_stopped(run: Callable[[], int], say: Callable[..., None]) -> int:
    try:
        return run()
    except KeyboardInterrupt:
        say("Stopped; nothing is left running.", style="bold")
        return INTERRUPTED


def _doctor(options: argparse.Namespace) -> int:
    from local.doctor import command

    return command.run(options.config.resolve(), as_json=options.json)


def _settings(options: argparse.Namespace) -> int:
    from local import job_settings

    return job_settings.run(options.config.resolve(), options.folder)


def _audit(options: argparse.Namespace) -> int:
    from local.audit import command

    return command.run(options)


def _deliver(options: argparse.Namespace) -> int:
    from local.delivery import commands

    return commands.run(options)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="take a batch of pictures through the line")
    demo.add_argument("--images", type=Path, help="a folder of pictures; drawn ones where it is not given")
    demo.add_argument("--labels", type=Path, help="COCO JSON or a Ground Truth output manifest")
    demo.add_argument(
        "--seed", type=int, default=7, help="of the drawing, the mistakes, the split, the training"
    )
    demo.add_argument("--pictures", type=int, default=300, help="how many to draw")
    demo.add_argument("--config", type=Path, default=ROOT / "edgeline.toml", help="another edgeline.toml")
    demo.add_argument("--folder", type=Path, default=Path("local_run"), help="where everything goes")
    demo.add_argument(
        "--label-by-hand", type=_number, nargs="?", const=BY_HAND, default=0, metavar="N",
        help=f"leave N pictures for you to label in a browser ({BY_HAND} where no number is given)",
    )  # fmt: skip
    demo.add_argument("--stay", action="store_true", help="keep the cloud up afterwards, until Ctrl-C")
    species = commands.add_parser("demo-species", help="take pictures through a tree of models")
    species.add_argument(
        "--images", type=Path, help="<group>/<species>/ folders of pictures; drawn ones where it is not given"
    )
    species.add_argument("--seed", type=int, default=7, help="of the drawing, the split, the training")
    species.add_argument("--each", type=_number, default=80, help="pictures of each species to draw")
    species.add_argument("--folder", type=Path, default=Path("local_species"), help="where everything goes")
    species.add_argument(
        "--stay", action=argparse.BooleanOptionalAction, default=sys.stdout.isatty(),
        help="keep the page up afterwards, until Ctrl-C; by default on a terminal",
    )  # fmt: skip
    doctor = commands.add_parser("doctor", help="what would fail or cost money on AWS, before it does")
    doctor.add_argument("--config", type=Path, default=ROOT / "edgeline.toml", help="another edgeline.toml")
    doctor.add_argument("--json", action="store_true", help="for programs; exit status 1 on errors")
    settings = commands.add_parser("settings", help="write models/NAME.json, for classifiers' jobs by hand")
    settings.add_argument("--config", type=Path, default=ROOT / "edgeline.toml", help="another edgeline.toml")
    settings.add_argument(
        "--folder", type=Path, default=Path(), help="where models/ is made; by default here"
    )
    _add_audit(commands)
    _add_delivery(commands)
    return parser.parse_args(arguments)


def _add_audit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verify = commands.add_parser("verify", help="hash again all that a running model came from")
    verify.add_argument("name", help="an endpoint, or a core device's thing")
    rebuild = commands.add_parser("rebuild", help="train a package's data set anew, and compare")
    rebuild.add_argument("package", help="the model package's ARN")
    for command in (verify, rebuild):
        command.add_argument(
            "--config", type=Path, default=ROOT / "edgeline.toml", help="another edgeline.toml"
        )


def _add_delivery(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser("serve", help="keep a local cloud up, until Ctrl-C")
    push = commands.add_parser("push", help="push what is committed, and follow it until it is deployed")
    push.add_argument("--approve", action="store_true", help="approve the deployment to prod without asking")
    push.add_argument("--branch", help="push this branch instead of what is checked out")
    push.add_argument("--stop-after", metavar="STAGE", help="follow until this stage of the pipeline is done")
    follow = commands.add_parser("follow", help="follow what the push of a commit has started")
    follow.add_argument("commit")
    status = commands.add_parser("status", help="what is served, and what the pipelines have done last")
    invite = commands.add_parser("invite", help="let somebody sign in to the labeling page")
    invite.add_argument("name")
    invite.add_argument(
        "--groups", nargs="+", default=["annotators"], help="annotators supervisors approvers"
    )
    stop = commands.add_parser("stop", help="end the local cloud; nothing of it is kept")
    for command in (serve, push, follow, status, invite, stop):
        command.add_argument("--folder", type=Path, default=ROOT / "local_cloud", help="where its state lies")


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of pictures")
    return int(text)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
